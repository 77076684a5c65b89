-- Tells whether a section concerns somebody who works in these states. Most concern everybody.
CREATE FUNCTION concerns(p_section_states jsonb, p_states jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN p_section_states IS NULL OR EXISTS (
    SELECT FROM jsonb_array_elements_text(p_states) AS held (state)
     WHERE p_section_states ? held.state);

GRANT EXECUTE ON FUNCTION concerns TO training_api;

-- Returns the states of the person's offices that a version has sections for, in order; null for a
-- version that is the same for everybody.
CREATE FUNCTION states_of_study(p_user uuid, p_version uuid) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT (SELECT coalesce(jsonb_agg(DISTINCT l.state), '[]')
              FROM offices_held(p_user) AS held (id) JOIN locations l USING (id)
             WHERE EXISTS (SELECT FROM version_sections s
                            WHERE s.version_id = v.id AND s.states ? l.state))
      FROM module_versions v WHERE v.id = p_version AND v.by_office
$$;

GRANT EXECUTE ON FUNCTION states_of_study TO training_api;

CREATE FUNCTION set_states_of_study() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.states := states_of_study(NEW.user_id, NEW.version_id);
    RETURN NEW;
END $$;

CREATE TRIGGER set_states_of_study BEFORE INSERT ON enrollments
FOR EACH ROW EXECUTE FUNCTION set_states_of_study();

-- Makes the open enrollments of people whose offices have changed ask for the sections of their states
-- of today. Where nothing is left to be done, this completes an enrollment. Returns how many changed.
CREATE FUNCTION follow_offices(p_users uuid[], p_actor uuid, p_request_id text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    held record;
    changed integer := 0;
BEGIN
    FOR held IN
        SELECT e.id, e.states AS before, states_of_study(e.user_id, e.version_id) AS after
          FROM enrollments e JOIN module_versions v ON v.id = e.version_id AND v.by_office
         WHERE e.user_id = ANY (p_users) AND e.status = 'active'
         ORDER BY e.id
           FOR NO KEY UPDATE OF e
    LOOP
        IF held.before IS DISTINCT FROM held.after THEN
            UPDATE enrollments SET states = held.after WHERE id = held.id;
            INSERT INTO audit_events (
                actor_id, action, target_type, target_id, before, after, request_id)
            VALUES (p_actor, 'enrollment:states_changed', 'enrollment', held.id,
                    jsonb_build_object('states', held.before),
                    jsonb_build_object('states', held.after), p_request_id);
            PERFORM settle_enrollment(held.id, p_actor, p_request_id);
            changed := changed + 1;
        END IF;
    END LOOP;
    RETURN changed;
END $$;

GRANT EXECUTE ON FUNCTION follow_offices TO training_api;
