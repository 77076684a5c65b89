-- The offices where somebody works today: of their primary position and of the others in force.
CREATE FUNCTION offices_held(p_user uuid) RETURNS SETOF uuid LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT u.location_id FROM users u WHERE u.id = p_user AND u.location_id IS NOT NULL
     UNION
    SELECT p.location_id FROM positions p
     WHERE p.user_id = p_user AND NOT p.withdrawn
       AND NOT EXISTS (SELECT FROM positions later
                        WHERE later.position_id = p.position_id AND later.number > p.number)
       AND p.starts_on <= local_day(p.location_id)
       AND coalesce(p.ends_on >= local_day(p.location_id), true)
$$;

GRANT EXECUTE ON FUNCTION offices_held TO training_api;
