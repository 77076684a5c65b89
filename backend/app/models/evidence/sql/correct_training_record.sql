-- Writes a corrected record with the results of the quizzes as they are now. All else, such as the
-- person and the time, is repeated. It returns NULL and writes nothing if the results are the same.
CREATE FUNCTION correct_training_record(
    p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong training_records;
    quiz record;
BEGIN
    PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
      WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
    SELECT * INTO wrong FROM training_records t
     WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2) AS score,
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]') AS results
      INTO quiz
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
               -- Attempts made after the completion are not what it rests on.
               AND a.submitted_at <= wrong.completed_at
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best;
    IF quiz.score IS NOT DISTINCT FROM wrong.score_percent
       AND quiz.results = wrong.payload::jsonb -> 'quizzes' THEN
        RETURN NULL;
    END IF;
    RETURN amend_training_record(wrong, jsonb_build_object(
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'correction_id', p_correction), p_actor, p_request_id);
END $$;
