-- For rows that may be edited while they have one status, and never after they have got another. The
-- arguments are that first status, and the column with the time at which it ended. Nobody can choose
-- that time: it must lie within the current transaction.
CREATE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    settled_at timestamptz := to_jsonb(NEW) ->> TG_ARGV[1];
BEGIN
    IF TG_OP <> 'DELETE' AND (TG_OP = 'INSERT' OR to_jsonb(OLD) ->> 'status' = TG_ARGV[0])
       AND settled_at NOT BETWEEN now() AND clock_timestamp() THEN
        RAISE EXCEPTION 'rows of % are settled now, not at another time', TG_TABLE_NAME
              USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'INSERT' THEN
        RETURN NEW;
    ELSIF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> 'status' = TG_ARGV[0]
                             OR erased_now((to_jsonb(OLD) ->> 'user_id')::uuid)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this row of % is settled', TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON external_trainings
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change('pending', 'reviewed_at');

CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON merges
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change('pending', 'decided_at');

CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON live_sessions
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change('scheduled', 'closed_at');
