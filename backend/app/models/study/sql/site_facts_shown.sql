-- What each of the person's offices says of these kinds of site fact today; a value is null where
-- nobody has recorded it. It is null where no kinds are asked for.
CREATE FUNCTION site_facts_shown(p_user uuid, p_kinds jsonb) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_object_agg(asked.kind, coalesce((
               SELECT jsonb_agg(jsonb_build_object(
                          'location', l.name, 'value', l.site_facts ->> asked.kind)
                          ORDER BY l.name, l.id)
                 FROM offices_held(p_user) AS held (id) JOIN locations l USING (id)), '[]'))
      FROM jsonb_array_elements_text(p_kinds) AS asked (kind)
$$;

GRANT EXECUTE ON FUNCTION site_facts_shown TO training_api;
