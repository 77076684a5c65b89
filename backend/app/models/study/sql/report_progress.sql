-- Reports may be repeated and may arrive in any order: progress never decreases. Study time is
-- credited for at most the time that has passed since the person's last report, see credit_study_time.
CREATE FUNCTION report_progress(
    p_enrollment uuid, p_user uuid, p_section uuid, p_seconds integer,
    p_position double precision, p_completed boolean, p_request_id text
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    enrolled enrollments;
    rule version_sections;
    known section_progress;
    credited integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments
     WHERE id = p_enrollment AND user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'enrollment_not_found');
    END IF;
    SELECT * INTO rule FROM version_sections
     WHERE version_id = enrolled.version_id AND section_id = p_section
       AND concerns(states, enrolled.states);
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'section_not_found');
    ELSIF rule.completed_by = 'attempt' THEN
        RETURN jsonb_build_object('error', 'quiz_decides');
    END IF;
    SELECT * INTO known FROM section_progress
     WHERE enrollment_id = p_enrollment AND section_id = p_section;
    IF enrolled.status = 'completed' OR known.state = 'completed' THEN
        -- A late or repeated report: whatever it says is already true or comes too late.
        RETURN section_state(p_enrollment, p_section);
    ELSIF enrolled.status <> 'active' THEN
        RETURN jsonb_build_object('error', 'enrollment_closed');
    ELSIF p_completed AND rule.completed_by <> 'report' THEN
        RETURN jsonb_build_object('error', rule.completed_by || '_required');
    END IF;
    credited := coalesce(known.seconds_spent, 0);
    credited := credited + credit_study_time(
        p_user, enrolled.enrolled_at, greatest(p_seconds - credited, 0));
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, p_section, 'in_progress', credited, p_position, clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = excluded.seconds_spent,
           position = greatest(p.position, excluded.position),
           updated_at = excluded.updated_at;
    IF p_completed AND credited >= rule.minimum_seconds
       AND greatest(p_position, known.position) >= rule.minimum_position THEN
        PERFORM complete_section(p_enrollment, p_section, p_user, p_request_id);
    END IF;
    RETURN section_state(p_enrollment, p_section);
END $$;

GRANT EXECUTE ON FUNCTION report_progress TO training_api;
