-- Returns everything that is to be sealed, each piece with the exact text whose SHA-256 is its leaf.
-- A row that may be edited for a while becomes evidence when that ends. Contents and answer keys are
-- given by their hash, because the text may be shown to people who must not see them. PostgreSQL
-- merges this function into the query that uses it, so that conditions on it can use indexes.
CREATE FUNCTION evidence() RETURNS TABLE (
    kind text, id uuid, recorded_at timestamptz, of_sealing boolean, content text)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT 'training_records' AS kind, t.id, t.created_at, false, t.previous_hash || t.payload
      FROM training_records t
    UNION ALL
    SELECT 'module_versions' AS kind, v.id, v.created_at, false,
           (row_json(v) - 'content' || jsonb_build_object(
               'evidence', 'module_versions',
               'content', encode(sha256(v.content), 'hex'),
               'answer_keys', sha256_hex((
                   SELECT jsonb_object_agg(k.section_id, k.key)::text
                     FROM answer_keys k WHERE k.version_id = v.id)),
               'sections', (SELECT jsonb_agg(row_json(s) ORDER BY s.section_id)
                              FROM version_sections s WHERE s.version_id = v.id),
               'media', (SELECT jsonb_agg(m.media_id ORDER BY m.media_id)
                           FROM version_media m WHERE m.version_id = v.id)))::text
      FROM module_versions v
    UNION ALL
    SELECT 'signatures' AS kind, s.id, s.created_at, false,
           (row_json(s) || '{"evidence": "signatures"}')::text
      FROM signatures s
    UNION ALL
    SELECT 'external_trainings' AS kind, t.id, t.reviewed_at, false,
           (row_json(t) || '{"evidence": "external_trainings"}')::text
      FROM external_trainings t WHERE t.status <> 'pending'
    UNION ALL
    SELECT 'evidence_elsewhere' AS kind, e.id, e.created_at, false,
           (row_json(e) || '{"evidence": "evidence_elsewhere"}')::text
      FROM evidence_elsewhere e
    UNION ALL
    SELECT 'evidence_withdrawals' AS kind, w.id, w.created_at, false,
           (row_json(w) || '{"evidence": "evidence_withdrawals"}')::text
      FROM evidence_withdrawals w
    UNION ALL
    SELECT 'source_checks' AS kind, c.id, c.created_at, false,
           (row_json(c) || '{"evidence": "source_checks"}')::text
      FROM source_checks c
    UNION ALL
    SELECT 'live_sessions' AS kind, s.id, s.closed_at, false,
           (row_json(s) || jsonb_build_object(
               'evidence', 'live_sessions',
               'roster', (SELECT jsonb_agg(row_json(a) ORDER BY a.user_id)
                            FROM live_session_attendances a WHERE a.session_id = s.id)))::text
      FROM live_sessions s WHERE s.status = 'closed'
    UNION ALL
    SELECT 'live_session_questions' AS kind, q.id, q.created_at, false,
           (row_json(q) || '{"evidence": "live_session_questions"}')::text
      FROM live_session_questions q
    UNION ALL
    SELECT 'exemptions' AS kind, x.id, x.created_at, false,
           (row_json(x) || '{"evidence": "exemptions"}')::text
      FROM exemptions x
    UNION ALL
    SELECT 'exemption_revocations' AS kind, r.id, r.created_at, false,
           (row_json(r) || '{"evidence": "exemption_revocations"}')::text
      FROM exemption_revocations r
    UNION ALL
    SELECT 'incidents' AS kind, i.id, i.created_at, false,
           (row_json(i) || '{"evidence": "incidents"}')::text
      FROM incidents i
    UNION ALL
    SELECT 'incident_people' AS kind, p.id, p.created_at, false,
           (row_json(p) || '{"evidence": "incident_people"}')::text
      FROM incident_people p
    UNION ALL
    SELECT 'incident_withdrawals' AS kind, w.id, w.created_at, false,
           (row_json(w) || '{"evidence": "incident_withdrawals"}')::text
      FROM incident_withdrawals w
    UNION ALL
    SELECT 'corrective_steps' AS kind, c.id, c.created_at, false,
           (row_json(c) || '{"evidence": "corrective_steps"}')::text
      FROM corrective_steps c
    UNION ALL
    SELECT 'corrective_step_completions' AS kind, d.id, d.created_at, false,
           (row_json(d) || '{"evidence": "corrective_step_completions"}')::text
      FROM corrective_step_completions d
    UNION ALL
    SELECT 'requirement_versions' AS kind, r.id, r.created_at, false,
           (row_json(r) || '{"evidence": "requirement_versions"}')::text
      FROM requirement_versions r
    UNION ALL
    SELECT 'employment_changes' AS kind, c.id, c.created_at, false,
           -- What was recorded before there were kinds of workers is of employees.
           ((row_json(c) - CASE c.worker_kind WHEN 'employee' THEN 'worker_kind' ELSE '' END)
            || '{"evidence": "employment_changes"}')::text
      FROM employment_changes c
    UNION ALL
    SELECT 'positions' AS kind, p.id, p.created_at, false,
           (row_json(p) || '{"evidence": "positions"}')::text
      FROM positions p
    UNION ALL
    SELECT 'merges' AS kind, m.id, m.decided_at, false,
           (row_json(m) || '{"evidence": "merges"}')::text
      FROM merges m WHERE m.status <> 'pending'
    UNION ALL
    SELECT 'quiz_corrections' AS kind, c.id, c.created_at, false,
           (row_json(c) || '{"evidence": "quiz_corrections"}')::text
      FROM quiz_corrections c
    UNION ALL
    SELECT 'attempt_grants' AS kind, g.id, g.created_at, false,
           (row_json(g) || '{"evidence": "attempt_grants"}')::text
      FROM attempt_grants g
    UNION ALL
    -- Of the attempt, what a regrade leaves as it was.
    SELECT 'attempt_results' AS kind, r.id, r.created_at, false,
           (row_json(r) || jsonb_build_object(
               'evidence', 'attempt_results',
               'attempt', row_json(a) - '{points, max_points, score_percent, passed, grades,
                                          updated_at}'::text[]))::text
      FROM attempt_results r JOIN quiz_attempts a ON a.id = r.attempt_id
    UNION ALL
    SELECT 'erasures' AS kind, e.id, e.created_at, false,
           (row_json(e) || jsonb_build_object(
               'evidence', 'erasures',
               'records', (SELECT jsonb_agg(row_json(l) ORDER BY l.sequence)
                             FROM erased_records l WHERE l.erasure_id = e.id),
               'erased', (SELECT jsonb_agg(row_json(x) ORDER BY x.kind, x.record_id)
                            FROM erased_evidence x WHERE x.erasure_id = e.id)))::text
      FROM erasures e
    UNION ALL
    -- A file, from the time on which evidence or a version first names it.
    SELECT 'media' AS kind, f.id, f.named_at, false,
           (row_json(f.file) || '{"evidence": "media"}')::text
      FROM (SELECT m.id, m AS file, least(
                   (SELECT min(t.reviewed_at) FROM external_trainings t
                     WHERE t.user_id = m.owner_id AND t.status <> 'pending'
                       AND lower(t.evidence_reference) = m.id::text),
                   (SELECT min(v.created_at)
                      FROM version_media u JOIN module_versions v ON v.id = u.version_id
                     WHERE u.media_id = m.id)) AS named_at
              FROM media m) f
     WHERE f.named_at IS NOT NULL
    UNION ALL
    SELECT 'audit_events' AS kind, e.id, e.created_at, e.action = 'record_seal:created',
           (row_json(e) || '{"evidence": "audit_events"}')::text
      FROM audit_events e
    UNION ALL
    SELECT 'record_seals' AS kind, s.id, s.created_at, true,
           (row_json(s) || '{"evidence": "record_seals"}')::text
      FROM record_seals s;
END;

GRANT EXECUTE ON FUNCTION evidence TO training_api;
