CREATE FUNCTION section_state(p_enrollment uuid, p_section uuid) RETURNS jsonb
LANGUAGE sql STABLE
RETURN (
    SELECT jsonb_build_object(
        'section', jsonb_build_object(
            'section_id', s.section_id, 'title', s.title, 'kind', s.kind, 'required', s.required,
            'state', coalesce(p.state, 'not_started'),
            'seconds_spent', coalesce(p.seconds_spent, 0), 'position', coalesce(p.position, 0),
            'completed_at', rfc3339(p.completed_at)),
        'enrollment', jsonb_build_object(
            'status', e.status, 'progress_percent', e.progress_percent,
            'completed_at', rfc3339(e.completed_at)))
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id AND s.section_id = p_section
      LEFT JOIN section_progress p ON p.enrollment_id = e.id AND p.section_id = s.section_id
     WHERE e.id = p_enrollment);

GRANT EXECUTE ON FUNCTION section_state TO training_api;
