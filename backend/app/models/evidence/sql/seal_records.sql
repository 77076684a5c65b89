-- Seals the oldest unsealed evidence of one kind, at most p_limit pieces, and returns the seal; or no
-- row if there is nothing to seal. The kind is part of the seal's hash. So somebody who checks one
-- kind can see that all its leaves are there, without being shown those of the other kinds.
-- The audit trail is one of the kinds and comes last. Each seal writes an audit event itself: if such
-- events are all that is left they wait for the next seal, since sealing would never end otherwise.
CREATE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    kinds text[];
    ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT u.covers INTO made.covers FROM unsealed_evidence() u WHERE NOT u.of_sealing
     ORDER BY u.covers = 'audit_trail', u.covers <> 'training_records', u.recorded_at, u.id LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT array_agg(u.kind ORDER BY u.place), array_agg(u.id ORDER BY u.place),
           array_agg(h.hash ORDER BY u.place) INTO kinds, ids, hashes
      FROM (SELECT o.kind, o.id, row_number() OVER (ORDER BY o.recorded_at, o.id) AS place
              FROM unsealed_evidence() o WHERE o.covers = made.covers
             ORDER BY place LIMIT p_limit) u
     CROSS JOIN LATERAL evidence_hash(u.kind, u.id) h;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(
        made.previous_hash, made.number, made.record_count, made.merkle_root, made.covers);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, kind, record_id, record_hash)
    SELECT made.id, l.position, l.kind, l.record_id, l.hash
      FROM unnest(kinds, ids, hashes) WITH ORDINALITY AS l (kind, record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'covers', made.covers,
                               'record_count', made.record_count, 'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$;

GRANT EXECUTE ON FUNCTION seal_records TO training_api;
