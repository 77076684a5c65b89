-- Refuses changes of the roster of a session that is closed or cancelled, except for erasing a person.
CREATE FUNCTION refuse_closed_roster() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM live_sessions s
                WHERE s.id IN (OLD.session_id, NEW.session_id) AND s.status <> 'scheduled')
       AND NOT (TG_OP = 'UPDATE' AND erased_now(OLD.user_id)) THEN
        RAISE EXCEPTION 'the roster of this session is closed'
              USING ERRCODE = 'restrict_violation';
    ELSIF NEW.marked_by_id = NEW.user_id
          AND (TG_OP = 'INSERT' OR OLD.marked_by_id IS DISTINCT FROM NEW.marked_by_id) THEN
        RAISE EXCEPTION 'nobody marks their own attendance' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER refuse_change BEFORE INSERT OR UPDATE OR DELETE ON live_session_attendances
FOR EACH ROW EXECUTE FUNCTION refuse_closed_roster();
