-- Stores the grade of an attempt, provided that nothing has changed since the attempt was read: its
-- state, its answers, the corrections, and whether its time has run out. Otherwise it returns NULL
-- and keeps the locks, so that a second try within the same transaction succeeds.
CREATE FUNCTION grade_attempt(
    p_attempt uuid, p_read_answers jsonb, p_read_corrections integer, p_grace interval,
    p_answers jsonb, p_timed_out boolean, p_points numeric, p_max_points numeric,
    p_score_percent numeric, p_passed boolean, p_grades jsonb, p_actor uuid, p_request_id text
) RETURNS timestamptz LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tried quiz_attempts;
    enrolled enrollments;
    stamp timestamptz;
    closed timestamptz;
BEGIN
    SELECT * INTO tried FROM quiz_attempts WHERE id = p_attempt;
    PERFORM lock_quiz(tried.version_id, tried.section_id, false);
    SELECT * INTO enrolled FROM enrollments WHERE id = tried.enrollment_id FOR NO KEY UPDATE;
    SELECT * INTO tried FROM quiz_attempts WHERE id = p_attempt FOR NO KEY UPDATE;
    stamp := clock_timestamp();
    IF tried.state <> 'open' OR tried.answers <> p_read_answers
       OR p_timed_out <> coalesce(stamp > tried.expires_at + p_grace, false)
       OR p_read_corrections <> (
            SELECT count(*) FROM quiz_corrections c
             WHERE c.version_id = tried.version_id AND c.section_id = tried.section_id) THEN
        RETURN NULL;
    END IF;
    IF NOT is_true_result(p_points, p_max_points, p_score_percent, p_passed, tried.pass_mark) THEN
        RAISE EXCEPTION 'this result contradicts itself' USING ERRCODE = 'restrict_violation';
    END IF;
    closed := CASE WHEN p_timed_out THEN tried.expires_at ELSE stamp END;
    UPDATE quiz_attempts
       SET state = 'graded', answers = p_answers, submitted_at = closed, timed_out = p_timed_out,
           answer_seconds = answer_seconds(tried.answer_seconds, p_answers, tried.started_at),
           points = p_points, max_points = p_max_points, score_percent = p_score_percent,
           passed = p_passed, grades = p_grades, updated_at = stamp
     WHERE id = p_attempt;
    INSERT INTO attempt_results (
        attempt_id, revision, points, max_points, score_percent, passed, grades)
    VALUES (p_attempt, 0, p_points, p_max_points, p_score_percent, p_passed, p_grades);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'attempt:graded', 'attempt', p_attempt,
            jsonb_build_object('enrollment_id', tried.enrollment_id, 'number', tried.number,
                               'score_percent', p_score_percent, 'passed', p_passed,
                               'timed_out', p_timed_out), p_request_id);
    IF p_passed AND enrolled.status = 'active' THEN
        PERFORM complete_section(enrolled.id, tried.section_id, p_actor, p_request_id);
    END IF;
    RETURN closed;
END $$;

GRANT EXECUTE ON FUNCTION grade_attempt TO training_api;
