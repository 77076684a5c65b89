-- A graded attempt is evidence and may not change. The columns that are not listed here repeat its
-- newest row of attempt_results, and a regrade updates them.
CREATE TRIGGER refuse_change BEFORE UPDATE ON quiz_attempts FOR EACH ROW
WHEN (OLD.state = 'graded' AND (
    NEW.state, NEW.enrollment_id, NEW.section_id, NEW.user_id, NEW.version_id, NEW.number,
    NEW.seed, NEW.snapshot, NEW.answers, NEW.answer_seconds, NEW.started_at, NEW.expires_at,
    NEW.submitted_at, NEW.timed_out, NEW.pass_mark
) IS DISTINCT FROM (
    OLD.state, OLD.enrollment_id, OLD.section_id, OLD.user_id, OLD.version_id, OLD.number,
    OLD.seed, OLD.snapshot, OLD.answers, OLD.answer_seconds, OLD.started_at, OLD.expires_at,
    OLD.submitted_at, OLD.timed_out, OLD.pass_mark))
EXECUTE FUNCTION refuse_change();

-- Refuses an attempt that starts at another time, or at anything but a quiz of the version that the
-- person is enrolled in, with the mark of that quiz.
CREATE FUNCTION refuse_unfounded_attempt() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF NEW.started_at NOT BETWEEN now() AND clock_timestamp() THEN
        RAISE EXCEPTION 'attempts start now, not at another time'
              USING ERRCODE = 'restrict_violation';
    ELSIF NOT EXISTS (
        SELECT FROM enrollments e
          JOIN version_sections v ON v.version_id = e.version_id AND v.completed_by = 'attempt'
          JOIN answer_keys k ON k.version_id = v.version_id AND k.section_id = v.section_id
         WHERE (e.id, e.user_id, e.version_id, v.section_id)
               = (NEW.enrollment_id, NEW.user_id, NEW.version_id, NEW.section_id)
           AND (k.key ->> 'pass_mark')::numeric = NEW.pass_mark) THEN
        RAISE EXCEPTION 'this enrollment has no such quiz' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER refuse_unfounded_attempt BEFORE INSERT ON quiz_attempts
FOR EACH ROW EXECUTE FUNCTION refuse_unfounded_attempt();
