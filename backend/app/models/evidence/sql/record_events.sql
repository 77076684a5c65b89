-- The one door to the audit trail: the events of one cause. The database says when they happened.
-- p_before and p_after may be null as a whole; nothing happens where there are no targets.
CREATE FUNCTION record_events(
    p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[],
    p_after jsonb[]
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
           p_request_id
      FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
    RETURN coalesce(cardinality(p_targets), 0);
END $$;

GRANT EXECUTE ON FUNCTION record_events TO training_api;
