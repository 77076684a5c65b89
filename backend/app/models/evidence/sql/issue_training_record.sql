-- The caller has locked the enrollment. This function also locks the person's row, so that completions
-- of one person add to their chain one after another. Different people do not wait for each other.
CREATE FUNCTION issue_training_record(
    p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    enrolled enrollments;
    published module_versions;
    person record;
    previous record;
    quiz record;
    taught record;
    teaching module_teachings;
    new_id uuid := gen_random_uuid();
    completed timestamptz;
    stamp timestamptz := clock_timestamp();
    zone text;
    body text;
    digest text;
    snapshot jsonb;
    outline jsonb;
    by_office jsonb := '{}';
    total_seconds bigint;
BEGIN
    SELECT * INTO enrolled FROM enrollments WHERE id = p_enrollment;
    SELECT * INTO published FROM module_versions WHERE id = enrolled.version_id;
    SELECT u.*, l.name AS location, l.time_zone, d.name AS department, t.name AS job_title INTO person
      FROM users u
      LEFT JOIN locations l ON l.id = u.location_id
      LEFT JOIN departments d ON d.id = u.department_id
      LEFT JOIN job_titles t ON t.id = u.job_title_id
     WHERE u.id = enrolled.user_id
       FOR NO KEY UPDATE OF u;
    SELECT t.sequence, t.hash INTO previous
      FROM training_records t
     WHERE t.user_id = enrolled.user_id
     ORDER BY t.sequence DESC LIMIT 1;
    completed := enrolled.completed_at;
    zone := coalesce(person.time_zone, home_zone());
    snapshot := jsonb_build_object(
        'full_name',
        CASE WHEN person.name_confirmed THEN person.full_name ELSE person.previous_name END,
        'email', person.email, 'job_title', person.job_title,
        'department', person.department, 'location', person.location);
    outline := published.outline;
    IF published.by_office THEN
        -- What was asked of this person, and what else they completed before they moved.
        SELECT jsonb_agg(o.part ORDER BY s.position) INTO outline
          FROM jsonb_array_elements(published.outline) AS o (part)
          JOIN version_sections s
            ON s.version_id = published.id AND s.section_id = (o.part ->> 'section_id')::uuid
          LEFT JOIN section_progress p
            ON p.enrollment_id = p_enrollment AND p.section_id = s.section_id
         WHERE concerns(s.states, enrolled.states) OR p.state = 'completed';
        SELECT jsonb_build_object(
                   'states', enrolled.states,
                   'site_facts', coalesce(jsonb_agg(jsonb_build_object(
                       'section_id', p.section_id, 'facts', p.site_facts)
                       ORDER BY p.completed_at, p.section_id), '[]')) INTO by_office
          FROM section_progress p
         WHERE p.enrollment_id = p_enrollment AND p.site_facts IS NOT NULL;
    END IF;
    SELECT coalesce(sum(p.seconds_spent), 0) INTO total_seconds
      FROM section_progress p WHERE p.enrollment_id = p_enrollment;
    SELECT * INTO quiz FROM quiz_results(p_enrollment, completed);
    SELECT * INTO teaching FROM module_teachings m WHERE m.module_id = enrolled.module_id;
    -- For each live section the session whose closing completed it.
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'role', 'instructor', 'name', held.instructor_name,
               'qualification', held.instructor_qualification, 'session_id', held.id,
               'section_id', held.section_id, 'mode', held.mode,
               'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes)
               ORDER BY held.starts_at, held.id), '[]') AS instructors,
           bool_or(held.mode = 'online') AS online
      INTO taught
      FROM (SELECT DISTINCT ON (s.section_id) s.*
              FROM live_session_attendances a
              JOIN live_sessions s ON s.id = a.session_id AND s.status = 'closed'
              JOIN section_progress p
                ON p.enrollment_id = p_enrollment AND p.section_id = s.section_id
             WHERE a.user_id = enrolled.user_id AND a.status = 'attended'
               AND s.module_id = enrolled.module_id AND s.closed_at <= p.completed_at
             ORDER BY s.section_id, s.closed_at DESC) held;
    body := (by_office || jsonb_build_object(
        'schema', 1,
        'id', new_id,
        'sequence', coalesce(previous.sequence, 0) + 1,
        'user_id', enrolled.user_id,
        'user', snapshot,
        'enrollment_id', p_enrollment,
        'source', enrolled.source,
        'module_id', enrolled.module_id,
        'module_title', published.title,
        'version_id', published.id,
        'version', published.number,
        'language', published.language,
        'content_sha256', published.content_sha256,
        'outline', outline,
        'started_at', rfc3339(enrolled.enrolled_at),
        'completed_at', rfc3339(completed),
        'recorded_at', rfc3339(stamp),
        'time_zone', zone,
        'local_date', (completed AT TIME ZONE zone)::date,
        'minutes', total_seconds / 60,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'signatures', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'section_id', s.section_id, 'printed_name', s.printed_name, 'meaning', s.meaning,
                'document_sha256', s.document_sha256, 'signed_at', rfc3339(s.created_at))
                ORDER BY s.created_at, s.section_id), '[]')
              FROM signatures s WHERE s.enrollment_id = p_enrollment),
        'delivery_method', CASE
            WHEN taught.online IS NULL THEN 'self_paced_online'
            WHEN EXISTS (
                SELECT FROM version_sections v
                 WHERE v.version_id = published.id AND v.required
                   AND concerns(v.states, enrolled.states)
                   AND v.completed_by = 'report') THEN 'blended'
            WHEN taught.online THEN 'live_online'
            ELSE 'live' END,
        'instructors', taught.instructors || CASE
            WHEN teaching.contact_name IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object(
                'role', 'contact', 'name', teaching.contact_name,
                'qualification', teaching.contact_qualification)) END,
        'ce_hours', credited_hours(teaching.ce_hours, total_seconds),
        'ce', CASE WHEN teaching.ce_hours IS NOT NULL THEN jsonb_build_object(
            'hours_offered', teaching.ce_hours,
            'provider_name', teaching.ce_provider_name,
            'provider_number', teaching.ce_provider_number,
            'category', teaching.ce_category, 'delivery', teaching.ce_delivery) END))::text;
    digest := encode(sha256(convert_to(coalesce(previous.hash, repeat('0', 64)) || body, 'UTF8')),
                     'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, module_id, version_id, user_snapshot, module_title,
        version, content_sha256, completed_at, local_date, time_zone, score_percent, minutes,
        payload, previous_hash, hash, created_at)
    VALUES (
        new_id, enrolled.user_id, coalesce(previous.sequence, 0) + 1, p_enrollment,
        enrolled.module_id, published.id, snapshot, published.title, published.number,
        published.content_sha256, completed, (completed AT TIME ZONE zone)::date, zone, quiz.score,
        total_seconds / 60, body, coalesce(previous.hash, repeat('0', 64)), digest, stamp);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'training_record:issued', 'training_record', new_id,
            jsonb_build_object('user_id', enrolled.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$;
