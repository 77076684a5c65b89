-- Writes one audit event, as record_events does, which takes half as long again for a single one.
CREATE FUNCTION record_event(
    p_actor uuid, p_request_id text, p_action text, p_target uuid, p_before jsonb, p_after jsonb
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF p_action = ANY (guarded_actions()) THEN
        RAISE EXCEPTION 'only the function that does this may say so'
              USING ERRCODE = 'restrict_violation';
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    VALUES (p_actor, p_action, split_part(p_action, ':', 1), p_target, p_before, p_after,
            p_request_id);
    RETURN 1;
END $$;

GRANT EXECUTE ON FUNCTION record_event TO training_api;
