-- Writes audit events. The API's role can write them in no other way; the database sets their time.
-- The arrays hold one element for each event. p_before and p_after may each be null as a whole.
-- It refuses events that other functions write themselves, so that nobody can forge those.
CREATE FUNCTION record_events(
    p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[],
    p_after jsonb[]
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_actions && guarded_actions() THEN
        RAISE EXCEPTION 'only the function that does this may say so'
              USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
           p_request_id
      FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
    RETURN coalesce(cardinality(p_targets), 0);
END $$;

GRANT EXECUTE ON FUNCTION record_events TO training_api;
