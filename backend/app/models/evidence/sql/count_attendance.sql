-- Counts, when a class is closed, how many of its seconds are attendance: for each person those in
-- which they attended no class that was closed before, and studied nothing. So nobody is in two places
-- at once. Classes are closed one after another, and the clocks of their people are locked, so that
-- whatever is counted at the same time is seen here or sees this class.
CREATE FUNCTION count_attendance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held tstzrange := tstzrange(
        NEW.starts_at, NEW.starts_at + make_interval(mins => NEW.duration_minutes));
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('live session closing', 0));
    PERFORM lock_study_clock(a.user_id)
       FROM (SELECT user_id FROM live_session_attendances
              WHERE session_id = NEW.id AND status = 'attended' ORDER BY user_id) a;
    UPDATE live_session_attendances a
       SET counted_seconds = (
           SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)
             FROM unnest(tstzmultirange(held) - class_times(a.user_id) - coalesce((
                      SELECT range_agg(tstzrange(t.began_at, t.ended_at)) FROM study_times t
                       WHERE t.user_id = a.user_id
                         AND t.ended_at > lower(held) AND t.began_at < upper(held)), '{}')) part)
     WHERE a.session_id = NEW.id AND a.status = 'attended';
    RETURN NEW;
END $$;

CREATE TRIGGER count_attendance BEFORE UPDATE ON live_sessions
FOR EACH ROW WHEN (NEW.status = 'closed' AND OLD.status <> 'closed')
EXECUTE FUNCTION count_attendance();
