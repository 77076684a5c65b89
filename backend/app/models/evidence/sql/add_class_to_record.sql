-- For somebody who attended the class with a trainer after completing the rest of the module. It
-- completes the section of the class and writes a further record, which also names the trainer. It
-- checks itself that the person attended, a minute at least, is still there and completed the rest less
-- than 90 days ago.
-- It returns NULL, and writes nothing, if not or if the section is already completed.
CREATE FUNCTION add_class_to_record(
    p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held live_sessions;
    known training_records;
    stamp timestamptz := clock_timestamp();
    attended integer;
    total_seconds bigint;
BEGIN
    SELECT s.* INTO held
      FROM live_sessions s
      JOIN live_session_attendances a ON a.session_id = s.id AND a.status = 'attended'
      JOIN enrollments e
        ON e.user_id = a.user_id AND e.module_id = s.module_id AND e.status = 'completed'
      JOIN version_sections v ON v.version_id = e.version_id AND v.section_id = s.section_id
      JOIN users u ON u.id = e.user_id AND u.is_active
     WHERE s.id = p_session AND s.status = 'closed' AND e.id = p_enrollment
       AND e.completed_at > now() - interval '90 days'
       AND attended_seconds(s.id, e.user_id) >= 60
       FOR NO KEY UPDATE OF e;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT attended_seconds(p_session, e.user_id) INTO attended
      FROM enrollments e WHERE e.id = p_enrollment;
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at)
    VALUES (p_enrollment, held.section_id, 'completed', attended, 0, stamp, stamp)
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET state = 'completed', completed_at = stamp, updated_at = stamp,
           seconds_spent = greatest(p.seconds_spent, excluded.seconds_spent)
     WHERE p.state <> 'completed';
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'section:completed', 'enrollment', p_enrollment,
            jsonb_build_object('section_id', held.section_id), p_request_id);
    PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
      WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
    SELECT * INTO known FROM training_records t
     WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
    SELECT sum(p.seconds_spent) INTO total_seconds
      FROM section_progress p WHERE p.enrollment_id = p_enrollment;
    RETURN amend_training_record(known, jsonb_build_object(
        'minutes', total_seconds / 60,
        'ce_hours', coalesce(
            to_jsonb(credited_hours(
                (known.payload::jsonb #>> '{ce,hours_offered}')::numeric, total_seconds)),
            known.payload::jsonb -> 'ce_hours'),
        'delivery_method', 'blended',
        'instructors', jsonb_build_array(jsonb_build_object(
            'role', 'instructor', 'name', held.instructor_name,
            'qualification', held.instructor_qualification, 'session_id', held.id,
            'section_id', held.section_id, 'mode', held.mode,
            'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes))
            || (known.payload::jsonb -> 'instructors')), p_actor, p_request_id);
END $$;

GRANT EXECUTE ON FUNCTION add_class_to_record TO training_api;
