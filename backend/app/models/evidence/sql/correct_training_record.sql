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
    -- Attempts made after the completion are not what it rests on.
    SELECT * INTO quiz FROM quiz_results(p_enrollment, wrong.completed_at);
    IF quiz.score IS NOT DISTINCT FROM wrong.score_percent
       AND quiz.results = wrong.payload::jsonb -> 'quizzes' THEN
        RETURN NULL;
    END IF;
    RETURN amend_training_record(wrong, jsonb_build_object(
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'correction_id', p_correction), p_actor, p_request_id);
END $$;
