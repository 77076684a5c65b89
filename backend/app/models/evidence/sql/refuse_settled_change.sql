-- For rows that are edited until they are settled: the argument is the status before that.
CREATE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> 'status' = TG_ARGV[0]
                             OR erased_now((to_jsonb(OLD) ->> 'user_id')::uuid)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this row of % is settled', TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON external_trainings
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change('pending');

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON live_sessions
FOR EACH ROW EXECUTE FUNCTION refuse_settled_change('scheduled');
