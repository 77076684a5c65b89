-- Counts what is completed of an enrollment that the caller has locked and, where that is all that the
-- version requires, completes it and writes its training record.
CREATE FUNCTION settle_enrollment(p_enrollment uuid, p_actor uuid, p_request_id text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    stamp timestamptz := clock_timestamp();
    done bigint;
    total bigint;
BEGIN
    SELECT count(*), count(p.completed_at) INTO total, done
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id AND s.required
       AND concerns(s.states, e.states)
      LEFT JOIN section_progress p
        ON p.enrollment_id = e.id AND p.section_id = s.section_id
     WHERE e.id = p_enrollment;
    UPDATE enrollments
       SET progress_percent = 100 * done / total,
           status = CASE WHEN done = total THEN 'completed' ELSE status END,
           completed_at = CASE WHEN done = total THEN stamp END,
           updated_at = stamp
     WHERE id = p_enrollment;
    IF done = total THEN
        INSERT INTO audit_events (actor_id, action, target_type, target_id, request_id)
        VALUES (p_actor, 'enrollment:completed', 'enrollment', p_enrollment, p_request_id);
        PERFORM issue_training_record(p_enrollment, p_actor, p_request_id);
    END IF;
END $$;
