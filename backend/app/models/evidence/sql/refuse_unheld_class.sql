-- Refuses a class that was held more than two weeks ago: it is entered as external evidence, which a
-- second person verifies. It also refuses to close a class before its end.
CREATE FUNCTION refuse_unheld_class() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.starts_at < now() - interval '14 days'
       AND (TG_OP = 'INSERT' OR NEW.starts_at <> OLD.starts_at) THEN
        RAISE EXCEPTION 'this class was held too long ago' USING ERRCODE = 'restrict_violation';
    ELSIF NEW.status = 'closed'
          AND NEW.starts_at + make_interval(mins => NEW.duration_minutes) > clock_timestamp() THEN
        RAISE EXCEPTION 'this class is not over yet' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refuse_unheld_class BEFORE INSERT OR UPDATE ON live_sessions
FOR EACH ROW EXECUTE FUNCTION refuse_unheld_class();
