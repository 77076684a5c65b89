-- What was found in a file stays as it was found, and a file that evidence names stays. Erasing the
-- person takes its name away, and with the evidence what named it.
CREATE FUNCTION keep_judged_file() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.completed_at IS NOT NULL AND NOT erased_now(OLD.owner_id) THEN
        RAISE EXCEPTION 'what was found in this file is settled'
              USING ERRCODE = 'restrict_violation';
    ELSIF TG_OP = 'DELETE' AND EXISTS (
        SELECT FROM external_trainings t
         WHERE t.user_id = OLD.owner_id AND lower(t.evidence_reference) = OLD.id::text) THEN
        RAISE EXCEPTION 'evidence names this file' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;

CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON media
FOR EACH ROW EXECUTE FUNCTION keep_judged_file();
