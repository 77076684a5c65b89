-- Lets somebody who is under way go on in the module's current version: closes the enrollment and opens
-- one in that version, with the same source, due day and beginning. It takes along the progress of the
-- sections that a report or a class completes and that learners are shown unchanged. Quizzes are taken,
-- and documents signed, in the version that the record will name. Only past a material change, since a
-- new version gives new attempts at its quizzes. Returns why not, or NULL.
CREATE FUNCTION move_enrollment(p_enrollment uuid, p_user uuid, p_new uuid, p_request_id text)
RETURNS text LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    before enrollments;
    target uuid;
    kept uuid[];
BEGIN
    SELECT * INTO before FROM enrollments
     WHERE id = p_enrollment AND user_id = p_user FOR NO KEY UPDATE;
    IF before.status IS DISTINCT FROM 'active' THEN
        RETURN 'enrollment_closed';
    END IF;
    SELECT m.current_version_id INTO target FROM training_modules m
     WHERE m.id = before.module_id AND m.status = 'published' AND m.deleted_at IS NULL
       AND m.current_version_id <> before.version_id
       AND EXISTS (
           SELECT FROM module_versions own JOIN module_versions newer USING (module_id)
            WHERE own.id = before.version_id AND newer.number > own.number
              AND newer.material_change);
    IF NOT FOUND THEN
        RETURN 'no_newer_version';
    END IF;
    UPDATE enrollments
       SET status = 'withdrawn', withdrawn_at = clock_timestamp(), updated_at = clock_timestamp()
     WHERE id = p_enrollment;
    INSERT INTO enrollments (id, user_id, module_id, version_id, source, due_on, enrolled_at)
    VALUES (p_new, before.user_id, before.module_id, target, before.source, before.due_on,
            before.enrolled_at);
    WITH shown AS (
        SELECT v.id AS version_id, (s ->> 'id')::uuid AS section_id,
               s - '{position,required,states}'::text[] AS content
          FROM module_versions v,
               jsonb_array_elements(convert_from(v.content, 'UTF8')::jsonb -> 'sections') s
         WHERE v.id IN (before.version_id, target)
    ), taken AS (
        INSERT INTO section_progress (
            enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at,
            site_facts)
        SELECT p_new, p.section_id, p.state, p.seconds_spent, p.position, p.completed_at,
               p.updated_at, p.site_facts
          FROM section_progress p
          JOIN version_sections s ON s.version_id = target AND s.section_id = p.section_id
          JOIN shown old ON old.version_id = before.version_id AND old.section_id = p.section_id
          JOIN shown new ON new.version_id = target AND new.section_id = p.section_id
         WHERE p.enrollment_id = p_enrollment AND s.completed_by IN ('report', 'attendance')
           AND new.content = old.content
        RETURNING section_id
    )
    SELECT array_agg(section_id ORDER BY section_id) INTO kept FROM taken;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_user, 'enrollment:withdrawn', 'enrollment', p_enrollment, NULL, p_request_id),
           (p_user, 'enrollment:created', 'enrollment', p_new,
            jsonb_build_object('user_id', p_user, 'module_id', before.module_id,
                               'source', before.source, 'due_on', before.due_on,
                               'moved_from', p_enrollment, 'kept_sections', to_jsonb(kept)),
            p_request_id);
    PERFORM settle_enrollment(p_new, p_user, p_request_id);
    RETURN NULL;
END $$;

GRANT EXECUTE ON FUNCTION move_enrollment TO training_api;
