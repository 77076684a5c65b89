-- Signs a section and completes it. Signatures can be written in no other way. The function itself
-- determines who signs (the enrolled person), what (the document of the enrollment's version) and
-- when. It returns no row if the section has nothing to sign or the enrollment is closed.
CREATE FUNCTION sign_section(
    p_enrollment uuid, p_section uuid, p_printed_name text, p_meaning text, p_request_id text
) RETURNS SETOF signatures LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    made signatures;
BEGIN
    PERFORM FROM enrollments WHERE id = p_enrollment FOR NO KEY UPDATE;
    INSERT INTO signatures (
        enrollment_id, section_id, user_id, printed_name, meaning, document_sha256,
        directory_name, email)
    SELECT e.id, v.section_id, e.user_id, p_printed_name, p_meaning, v.document_sha256,
           CASE WHEN u.name_confirmed THEN u.full_name ELSE u.previous_name END, u.email
      FROM enrollments e
      JOIN users u ON u.id = e.user_id
      JOIN version_sections v ON v.version_id = e.version_id AND v.section_id = p_section
       AND concerns(v.states, e.states)
     WHERE e.id = p_enrollment AND e.status = 'active' AND v.document_sha256 IS NOT NULL
    RETURNING * INTO made;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (made.user_id, 'section:acknowledged', 'section', made.id,
            jsonb_build_object('section_id', made.section_id,
                               'document_sha256', made.document_sha256), p_request_id);
    PERFORM complete_section(p_enrollment, p_section, made.user_id, p_request_id);
    RETURN NEXT made;
END $$;

GRANT EXECUTE ON FUNCTION sign_section TO training_api;
