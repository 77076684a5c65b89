-- Completes a section and, with the last required one, the enrollment. Only functions that hold the
-- lock on the enrollment, and have checked what completes the section, may call it.
CREATE FUNCTION complete_section(
    p_enrollment uuid, p_section uuid, p_actor uuid, p_request_id text
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stamp timestamptz := clock_timestamp();
BEGIN
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at,
        site_facts)
    SELECT p_enrollment, p_section, 'completed', 0, 0, stamp, stamp,
           site_facts_shown(e.user_id, s.site_facts)
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id AND s.section_id = p_section
     WHERE e.id = p_enrollment
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET state = 'completed', completed_at = stamp, updated_at = stamp,
           site_facts = excluded.site_facts
     WHERE p.state <> 'completed';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'section:completed', 'enrollment', p_enrollment,
            jsonb_build_object('section_id', p_section), p_request_id);
    PERFORM settle_enrollment(p_enrollment, p_actor, p_request_id);
END $$;
