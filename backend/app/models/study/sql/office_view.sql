-- What the content of an enrollment shows of the person's offices, as JSON whose text is the same as
-- long as that is. Content of a version that shows nothing of them does not ask for it.
CREATE FUNCTION office_view(p_enrollment uuid) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_build_object(
               'states', e.states,
               'site_facts', site_facts_shown(e.user_id, (
                   SELECT jsonb_agg(DISTINCT named.kind)
                     FROM version_sections s, jsonb_array_elements_text(s.site_facts) named (kind)
                    WHERE s.version_id = e.version_id AND concerns(s.states, e.states))))::text
      FROM enrollments e WHERE e.id = p_enrollment
$$;

GRANT EXECUTE ON FUNCTION office_view TO training_api;
