-- Seals the oldest records that no seal covers yet, at most p_limit; no row when there are none.
CREATE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    record_ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT array_agg(t.id ORDER BY t.id), array_agg(t.hash ORDER BY t.id) INTO record_ids, hashes
      FROM (SELECT r.id, r.hash FROM training_records r
             WHERE NOT EXISTS (SELECT FROM sealed_records s WHERE s.record_id = r.id)
             ORDER BY r.id LIMIT p_limit) t;
    IF hashes IS NULL THEN
        RETURN;
    END IF;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(made.previous_hash, made.number, made.record_count, made.merkle_root);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, record_id, record_hash)
    SELECT made.id, l.position, l.record_id, l.hash
      FROM unnest(record_ids, hashes) WITH ORDINALITY AS l (record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'record_count', made.record_count,
                               'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$;

GRANT EXECUTE ON FUNCTION seal_records TO training_api;
