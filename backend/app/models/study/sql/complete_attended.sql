-- Completes the section of a closed class for somebody who attended, a minute of it at least. Their time
-- in the class is first entered as study time, because completing may write the training record, which
-- counts it.
CREATE FUNCTION complete_attended(
    p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held record;
BEGIN
    PERFORM FROM enrollments WHERE id = p_enrollment FOR NO KEY UPDATE;
    SELECT s.section_id, attended_seconds(s.id, e.user_id) AS seconds INTO held
      FROM enrollments e
      JOIN version_sections v ON v.version_id = e.version_id
      JOIN live_sessions s ON s.module_id = e.module_id AND s.section_id = v.section_id
      JOIN live_session_attendances a ON a.session_id = s.id AND a.user_id = e.user_id
     WHERE e.id = p_enrollment AND e.status = 'active' AND s.id = p_session
       AND s.status = 'closed' AND a.status = 'attended'
       AND attended_seconds(s.id, e.user_id) >= 60;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'nobody attended' USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, held.section_id, 'in_progress', held.seconds, 0, clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = greatest(p.seconds_spent, excluded.seconds_spent)
     WHERE p.state <> 'completed';
    PERFORM complete_section(p_enrollment, held.section_id, p_actor, p_request_id);
END $$;

GRANT EXECUTE ON FUNCTION complete_attended TO training_api;
