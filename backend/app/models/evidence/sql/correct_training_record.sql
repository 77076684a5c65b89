-- A correction repeats the record that it corrects, the person and the time included, with the
-- results as they are now. Nothing is written where they are what the record says already.
CREATE FUNCTION correct_training_record(
    p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong training_records;
    previous record;
    quiz record;
    new_id uuid := gen_random_uuid();
    stamp timestamptz := clock_timestamp();
    body text;
    digest text;
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
    SELECT t.sequence, t.hash INTO previous FROM training_records t
     WHERE t.user_id = wrong.user_id ORDER BY t.sequence DESC LIMIT 1;
    body := (wrong.payload::jsonb || jsonb_build_object(
        'id', new_id,
        'sequence', previous.sequence + 1,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'corrects_id', wrong.id,
        'correction_id', p_correction,
        'recorded_at', rfc3339(stamp),
        'corrected_at', rfc3339(stamp)))::text;
    digest := encode(sha256(convert_to(previous.hash || body, 'UTF8')), 'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, corrects_id, module_id, version_id, user_snapshot,
        module_title, version, content_sha256, completed_at, local_date, time_zone, score_percent,
        minutes, payload, previous_hash, hash, created_at)
    VALUES (
        new_id, wrong.user_id, previous.sequence + 1, p_enrollment, wrong.id, wrong.module_id,
        wrong.version_id, wrong.user_snapshot, wrong.module_title, wrong.version,
        wrong.content_sha256, wrong.completed_at, wrong.local_date, wrong.time_zone, quiz.score,
        wrong.minutes, body, previous.hash, digest, stamp);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    VALUES (p_actor, 'training_record:corrected', 'training_record', new_id,
            jsonb_build_object('id', wrong.id, 'hash', wrong.hash),
            jsonb_build_object('user_id', wrong.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$;
