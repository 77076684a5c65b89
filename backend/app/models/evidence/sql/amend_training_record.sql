-- Writes a record that repeats p_known with p_changes; p_known itself stays as it is. The caller has
-- locked the person's row, so that no other record can follow the same one in the person's chain.
CREATE FUNCTION amend_training_record(
    p_known training_records, p_changes jsonb, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record;
    new_id uuid := gen_random_uuid();
    stamp timestamptz := clock_timestamp();
    said jsonb;
    body text;
    digest text;
BEGIN
    SELECT t.sequence, t.hash INTO previous FROM training_records t
     WHERE t.user_id = p_known.user_id ORDER BY t.sequence DESC LIMIT 1;
    said := p_known.payload::jsonb || p_changes || jsonb_build_object(
        'id', new_id,
        'sequence', previous.sequence + 1,
        'corrects_id', p_known.id,
        'recorded_at', rfc3339(stamp),
        'corrected_at', rfc3339(stamp));
    body := said::text;
    digest := encode(sha256(convert_to(previous.hash || body, 'UTF8')), 'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, corrects_id, module_id, version_id, user_snapshot,
        module_title, version, content_sha256, completed_at, local_date, time_zone, score_percent,
        minutes, payload, previous_hash, hash, created_at)
    VALUES (
        new_id, p_known.user_id, previous.sequence + 1, p_known.enrollment_id, p_known.id,
        p_known.module_id, p_known.version_id, p_known.user_snapshot, p_known.module_title,
        p_known.version, p_known.content_sha256, p_known.completed_at, p_known.local_date,
        p_known.time_zone, (said ->> 'score_percent')::numeric, (said ->> 'minutes')::integer,
        body, previous.hash, digest, stamp);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    VALUES (p_actor, 'training_record:corrected', 'training_record', new_id,
            jsonb_build_object('id', p_known.id, 'hash', p_known.hash),
            jsonb_build_object('user_id', p_known.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$;
