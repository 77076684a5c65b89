-- Does what follows from a regrade: completes the section if the quiz is passed now, and writes a
-- corrected record if the record differs from the new results. The caller holds the lock on the
-- enrollment.
CREATE FUNCTION settle_regrade(
    p_enrollment uuid, p_section uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM quiz_attempts a WHERE a.enrollment_id = p_enrollment
                  AND a.section_id = p_section AND a.passed)
       AND EXISTS (SELECT FROM enrollments e WHERE e.id = p_enrollment AND e.status = 'active') THEN
        PERFORM complete_section(p_enrollment, p_section, p_actor, p_request_id);
    END IF;
    RETURN correct_training_record(p_enrollment, p_correction, p_actor, p_request_id);
END $$;

GRANT EXECUTE ON FUNCTION settle_regrade TO training_api;
