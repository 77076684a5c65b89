-- Gives a graded attempt another result because of a correction of its quiz. The API's role can write
-- such results in no other way. The caller holds the lock on the quiz.
CREATE FUNCTION regrade_attempt(
    p_attempt uuid, p_correction uuid, p_points numeric, p_max_points numeric,
    p_score_percent numeric, p_passed boolean, p_kept_pass boolean, p_grades jsonb
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made integer;
BEGIN
    IF EXISTS (SELECT FROM quiz_attempts a WHERE a.id = p_attempt AND NOT is_true_result(
            p_points, p_max_points, p_score_percent,
            p_passed AND NOT (p_kept_pass AND a.passed), a.pass_mark)) THEN
        RAISE EXCEPTION 'this result contradicts itself' USING ERRCODE = 'restrict_violation';
    END IF;
    UPDATE quiz_attempts a
       SET points = p_points, max_points = p_max_points, score_percent = p_score_percent,
           passed = p_passed, grades = p_grades, updated_at = clock_timestamp()
      FROM quiz_corrections c
     WHERE a.id = p_attempt AND a.state = 'graded' AND c.id = p_correction
       AND c.version_id = a.version_id AND c.section_id = a.section_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this correction is not about that attempt'
              USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO attempt_results (
        attempt_id, revision, correction_id, points, max_points, score_percent, passed, kept_pass,
        grades)
    SELECT p_attempt, max(r.revision) + 1, p_correction, p_points, p_max_points, p_score_percent,
           p_passed, p_kept_pass, p_grades
      FROM attempt_results r WHERE r.attempt_id = p_attempt
    RETURNING revision INTO made;
    RETURN made;
END $$;

GRANT EXECUTE ON FUNCTION regrade_attempt TO training_api;
