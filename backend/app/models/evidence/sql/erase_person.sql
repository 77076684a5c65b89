-- The caller has worked out by domain/evidence/retention.py that the person's retention period is
-- over. This function checks again what no setting may shorten. It locks the person's row, so that it
-- waits for a transaction that is placing a legal hold.
CREATE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tombstone uuid := gen_random_uuid();
    today date := (now() AT TIME ZONE 'UTC')::date;
    chain record;
    touched record;
BEGIN
    PERFORM FROM users WHERE id = p_user AND NOT is_active FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'person_active' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM users e JOIN users p ON p.id = e.merged_into_id
                   WHERE e.id = p_user AND p.is_active) THEN
        RAISE EXCEPTION 'person_active' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM users e WHERE e.merged_into_id = p_user
                     AND NOT EXISTS (SELECT FROM erasures x WHERE x.user_id = e.id)) THEN
        RAISE EXCEPTION 'merged_entries_first' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM erasures WHERE user_id = p_user) THEN
        RAISE EXCEPTION 'already_erased' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM legal_holds WHERE user_id = p_user AND released_at IS NULL) THEN
        RAISE EXCEPTION 'legal_hold' USING ERRCODE = 'restrict_violation';
    ELSIF p_kept_through >= today OR EXISTS (
        SELECT FROM training_records
         WHERE user_id = p_user AND local_date + interval '3 years' >= today) THEN
        RAISE EXCEPTION 'clock_running' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (
        SELECT FROM training_records t LEFT JOIN sealed_records s
                ON s.record_id = t.id AND s.kind = 'training_records'
         WHERE t.user_id = p_user AND s.id IS NULL) THEN
        RAISE EXCEPTION 'records_not_sealed' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM users WHERE id = p_user AND supabase_id IS NOT NULL) THEN
        RAISE EXCEPTION 'account_linked' USING ERRCODE = 'restrict_violation';
    END IF;
    SELECT count(*) AS records,
           coalesce((array_agg(hash ORDER BY sequence DESC))[1], repeat('0', 64)) AS last_hash
      INTO chain FROM training_records WHERE user_id = p_user;
    INSERT INTO erasures (
        id, user_id, pseudonym, kept_through, record_count, last_hash, transaction_id)
    VALUES (tombstone, p_user, p_pseudonym, p_kept_through, chain.records, chain.last_hash,
            pg_current_xact_id()::text::bigint);
    INSERT INTO erased_records (record_id, erasure_id, sequence, previous_hash, hash)
    SELECT id, tombstone, sequence, previous_hash, hash
      FROM training_records WHERE user_id = p_user;
    SELECT array_agg(was.kind) AS kinds, array_agg(was.id) AS ids, array_agg(h.hash) AS hashes
      INTO touched
      FROM (SELECT 'training_records', id FROM training_records WHERE user_id = p_user
             UNION ALL SELECT 'signatures', id FROM signatures WHERE user_id = p_user
             UNION ALL SELECT 'external_trainings', id FROM external_trainings
                        WHERE user_id = p_user
             UNION ALL SELECT 'source_checks', id FROM source_checks WHERE user_id = p_user
             UNION ALL SELECT 'media', id FROM media WHERE owner_id = p_user
             UNION ALL SELECT 'live_sessions', session_id FROM live_session_attendances
                        WHERE user_id = p_user
             UNION ALL SELECT 'employment_changes', id FROM employment_changes
                        WHERE user_id = p_user
             UNION ALL SELECT 'audit_events', id FROM audit_events
                        WHERE target_id IN (SELECT rows_about(p_user))) AS was (kind, id)
     CROSS JOIN LATERAL evidence_hash(was.kind, was.id) h;
    DELETE FROM training_records WHERE user_id = p_user;
    DELETE FROM signatures WHERE user_id = p_user;
    DELETE FROM idempotency_keys WHERE user_id = p_user;
    DELETE FROM location_managers WHERE user_id = p_user;
    DELETE FROM manager_changes WHERE user_id = p_user;
    UPDATE external_trainings
       SET user_snapshot = NULL, notes = NULL, evidence_reference = NULL, review_reason = NULL,
           title = 'erased', provider = 'erased', instructor_name = NULL,
           credential_number = NULL
     WHERE user_id = p_user;
    UPDATE source_checks SET reference = NULL, note = NULL WHERE user_id = p_user;
    UPDATE live_session_attendances SET full_name = NULL, job_title = NULL WHERE user_id = p_user;
    UPDATE legal_holds SET reason = 'erased' WHERE user_id = p_user;
    UPDATE employment_changes SET note = NULL WHERE user_id = p_user AND note IS NOT NULL;
    UPDATE media SET file_name = NULL WHERE owner_id = p_user AND purpose = 'evidence';
    UPDATE audit_events SET before = NULL, after = NULL
     WHERE target_id IN (SELECT rows_about(p_user))
       AND (before IS NOT NULL OR after IS NOT NULL);
    INSERT INTO erased_evidence (erasure_id, kind, record_id, hash)
    SELECT tombstone, was.kind, was.id, h.hash
      FROM unnest(touched.kinds, touched.ids, touched.hashes) AS was (kind, id, hash)
      LEFT JOIN LATERAL evidence_hash(was.kind, was.id) h ON true
     WHERE h.hash IS DISTINCT FROM was.hash;
    UPDATE users
       SET full_name = p_pseudonym, email = p_pseudonym || '@erased.invalid', supabase_id = NULL,
           email_confirmed = false, last_sign_in = NULL, profile_metadata = '{}',
           name_confirmed = true, previous_name = NULL, name_aliases = '[]',
           manager_id = NULL, employee_number = NULL, revision = revision + 1, updated_at = clock_timestamp()
     WHERE id = p_user;
    INSERT INTO audit_events (action, target_type, target_id, after)
    VALUES ('user:erased', 'user', p_user, jsonb_build_object(
        'pseudonym', p_pseudonym, 'kept_through', p_kept_through,
        'record_count', chain.records, 'last_hash', chain.last_hash));
    RETURN tombstone;
END $$;
