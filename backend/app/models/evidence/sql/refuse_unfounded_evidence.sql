-- Refuses evidence that does not repeat verified external evidence or a line of a closed roster of
-- which a minute counts, and
-- evidence that is to count from another day than that on which it is written.
CREATE FUNCTION refuse_unfounded_evidence() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF abs(NEW.recorded_on - (clock_timestamp() AT TIME ZONE 'UTC')::date) <= 1 AND (EXISTS (
        SELECT FROM external_trainings t
         WHERE t.id = NEW.id AND t.status = 'verified'
           AND (t.user_id, t.completed_on, t.module_id, t.credential_kind, t.printed_expiry)
               IS NOT DISTINCT FROM
               (NEW.user_id, NEW.day, NEW.module_id, NEW.credential_kind, NEW.printed_expiry)
    ) OR EXISTS (
        SELECT FROM live_session_attendances a JOIN live_sessions s ON s.id = a.session_id
         WHERE a.id = NEW.id AND a.user_id = NEW.user_id AND a.status = 'attended'
           AND s.status = 'closed' AND s.module_id = NEW.module_id
           AND attended_seconds(s.id, a.user_id) >= 60
           AND abs(NEW.day - (s.starts_at AT TIME ZONE 'UTC')::date) <= 1)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'nothing verified stands behind this' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER refuse_unfounded_evidence BEFORE INSERT ON evidence_elsewhere
FOR EACH ROW EXECUTE FUNCTION refuse_unfounded_evidence();
