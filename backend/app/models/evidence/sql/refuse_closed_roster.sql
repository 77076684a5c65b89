CREATE FUNCTION refuse_closed_roster() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    line live_session_attendances := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
    IF (SELECT s.status FROM live_sessions s WHERE s.id = line.session_id) <> 'scheduled'
       AND NOT (TG_OP = 'UPDATE' AND erased_now(line.user_id)) THEN
        RAISE EXCEPTION 'the roster of this session is closed'
              USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON live_session_attendances
FOR EACH ROW EXECUTE FUNCTION refuse_closed_roster();
