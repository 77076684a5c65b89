"""Seal all kinds of evidence and the audit trail; let records state when they were written.

Revision ID: 0024
Revises: 0023
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import (
    READ_ONLY,
    protect_function,
    protect_table,
    refuse_changes,
)

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

SHA256_HEX = r"""
CREATE OR REPLACE FUNCTION sha256_hex(p_text text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(sha256(convert_to(p_text, 'UTF8')), 'hex')
"""
ROW_JSON = r"""
CREATE OR REPLACE FUNCTION row_json(p_row anyelement) RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, public, pg_temp
SET TimeZone = 'UTC' SET bytea_output = 'hex' SET extra_float_digits = 1 AS $$
DECLARE
    columns jsonb := to_jsonb(p_row);
BEGIN
    RETURN columns - ARRAY(SELECT key FROM jsonb_each(columns) WHERE value = 'null');
END $$
"""
EVIDENCE = r"""
CREATE OR REPLACE FUNCTION evidence() RETURNS TABLE (
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
    SELECT 'requirement_versions' AS kind, r.id, r.created_at, false,
           (row_json(r) || '{"evidence": "requirement_versions"}')::text
      FROM requirement_versions r
    UNION ALL
    SELECT 'employment_changes' AS kind, c.id, c.created_at, false,
           (row_json(c) || '{"evidence": "employment_changes"}')::text
      FROM employment_changes c
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
    SELECT 'audit_events' AS kind, e.id, e.created_at, e.action = 'record_seal:created',
           (row_json(e) || '{"evidence": "audit_events"}')::text
      FROM audit_events e
    UNION ALL
    SELECT 'record_seals' AS kind, s.id, s.created_at, true,
           (row_json(s) || '{"evidence": "record_seals"}')::text
      FROM record_seals s;
END
"""
EVIDENCE_HASH = r"""
CREATE OR REPLACE FUNCTION evidence_hash(p_kind text, p_id uuid) RETURNS TABLE (
    hash text, recorded_at timestamptz)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT sha256_hex(e.content), e.recorded_at
      FROM evidence() e WHERE e.kind = p_kind AND e.id = p_id LIMIT 1;
END
"""
UNSEALED_EVIDENCE = r"""
CREATE OR REPLACE FUNCTION unsealed_evidence() RETURNS TABLE (
    kind text, id uuid, recorded_at timestamptz, of_sealing boolean, is_trail boolean)
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT e.kind, e.id, e.recorded_at, e.of_sealing, e.kind IN ('audit_events', 'record_seals')
      FROM evidence() e
     WHERE NOT EXISTS (
        SELECT FROM sealed_records s WHERE s.record_id = e.id AND s.kind = e.kind);
END
"""
CORRECT_TRAINING_RECORD = r"""
CREATE OR REPLACE FUNCTION correct_training_record(
    p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong training_records;
    previous record;
    quiz record;
    new_id uuid := gen_random_uuid();
    stamp timestamptz := clock_timestamp();
    body text;
    digest text;
BEGIN
    PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
      WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
    SELECT * INTO wrong FROM training_records t
     WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2) AS score,
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]') AS results
      INTO quiz
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
               -- Attempts made after the completion are not what it rests on.
               AND a.submitted_at <= wrong.completed_at
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best;
    IF quiz.score IS NOT DISTINCT FROM wrong.score_percent
       AND quiz.results = wrong.payload::jsonb -> 'quizzes' THEN
        RETURN NULL;
    END IF;
    SELECT t.sequence, t.hash INTO previous FROM training_records t
     WHERE t.user_id = wrong.user_id ORDER BY t.sequence DESC LIMIT 1;
    body := (wrong.payload::jsonb || jsonb_build_object(
        'id', new_id,
        'sequence', previous.sequence + 1,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'corrects_id', wrong.id,
        'correction_id', p_correction,
        'recorded_at', rfc3339(stamp),
        'corrected_at', rfc3339(stamp)))::text;
    digest := encode(sha256(convert_to(previous.hash || body, 'UTF8')), 'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, corrects_id, module_id, version_id, user_snapshot,
        module_title, version, content_sha256, completed_at, local_date, time_zone, score_percent,
        minutes, payload, previous_hash, hash, created_at)
    VALUES (
        new_id, wrong.user_id, previous.sequence + 1, p_enrollment, wrong.id, wrong.module_id,
        wrong.version_id, wrong.user_snapshot, wrong.module_title, wrong.version,
        wrong.content_sha256, wrong.completed_at, wrong.local_date, wrong.time_zone, quiz.score,
        wrong.minutes, body, previous.hash, digest, stamp);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    VALUES (p_actor, 'training_record:corrected', 'training_record', new_id,
            jsonb_build_object('id', wrong.id, 'hash', wrong.hash),
            jsonb_build_object('user_id', wrong.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$
"""
CORRECT_TRAINING_RECORD_BEFORE = r"""
CREATE OR REPLACE FUNCTION correct_training_record(
    p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    wrong training_records;
    previous record;
    quiz record;
    new_id uuid := gen_random_uuid();
    body text;
    digest text;
BEGIN
    PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
      WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
    SELECT * INTO wrong FROM training_records t
     WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2) AS score,
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]') AS results
      INTO quiz
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
               -- Attempts made after the completion are not what it rests on.
               AND a.submitted_at <= wrong.completed_at
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best;
    IF quiz.score IS NOT DISTINCT FROM wrong.score_percent
       AND quiz.results = wrong.payload::jsonb -> 'quizzes' THEN
        RETURN NULL;
    END IF;
    SELECT t.sequence, t.hash INTO previous FROM training_records t
     WHERE t.user_id = wrong.user_id ORDER BY t.sequence DESC LIMIT 1;
    body := (wrong.payload::jsonb || jsonb_build_object(
        'id', new_id,
        'sequence', previous.sequence + 1,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'corrects_id', wrong.id,
        'correction_id', p_correction,
        'corrected_at', rfc3339(clock_timestamp())))::text;
    digest := encode(sha256(convert_to(previous.hash || body, 'UTF8')), 'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, corrects_id, module_id, version_id, user_snapshot,
        module_title, version, content_sha256, completed_at, local_date, time_zone, score_percent,
        minutes, payload, previous_hash, hash)
    VALUES (
        new_id, wrong.user_id, previous.sequence + 1, p_enrollment, wrong.id, wrong.module_id,
        wrong.version_id, wrong.user_snapshot, wrong.module_title, wrong.version,
        wrong.content_sha256, wrong.completed_at, wrong.local_date, wrong.time_zone, quiz.score,
        wrong.minutes, body, previous.hash, digest);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
    VALUES (p_actor, 'training_record:corrected', 'training_record', new_id,
            jsonb_build_object('id', wrong.id, 'hash', wrong.hash),
            jsonb_build_object('user_id', wrong.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$
"""
ISSUE_TRAINING_RECORD = r"""
CREATE OR REPLACE FUNCTION issue_training_record(
    p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    enrolled enrollments;
    published module_versions;
    person record;
    previous record;
    quiz record;
    taught record;
    teaching module_teachings;
    new_id uuid := gen_random_uuid();
    completed timestamptz;
    stamp timestamptz := clock_timestamp();
    zone text;
    body text;
    digest text;
    snapshot jsonb;
    total_minutes integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments WHERE id = p_enrollment;
    SELECT * INTO published FROM module_versions WHERE id = enrolled.version_id;
    SELECT u.*, l.name AS location, l.time_zone, d.name AS department INTO person
      FROM users u
      LEFT JOIN locations l ON l.id = u.location_id
      LEFT JOIN departments d ON d.id = u.department_id
     WHERE u.id = enrolled.user_id
       FOR NO KEY UPDATE OF u;
    SELECT t.sequence, t.hash INTO previous
      FROM training_records t
     WHERE t.user_id = enrolled.user_id
     ORDER BY t.sequence DESC LIMIT 1;
    completed := enrolled.completed_at;
    zone := coalesce(person.time_zone, 'UTC');
    snapshot := jsonb_build_object(
        'full_name',
        CASE WHEN person.name_confirmed THEN person.full_name ELSE person.previous_name END,
        'email', person.email, 'job_title', person.job_title,
        'department', person.department, 'location', person.location);
    SELECT coalesce(ceil(sum(p.seconds_spent) / 60.0), 0) INTO total_minutes
      FROM section_progress p WHERE p.enrollment_id = p_enrollment;
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2) AS score,
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]') AS results
      INTO quiz
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best;
    SELECT * INTO teaching FROM module_teachings m WHERE m.module_id = enrolled.module_id;
    -- For each live section the session whose closing completed it.
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'role', 'instructor', 'name', held.instructor_name,
               'qualification', held.instructor_qualification, 'session_id', held.id,
               'section_id', held.section_id, 'mode', held.mode,
               'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes)
               ORDER BY held.starts_at, held.id), '[]') AS instructors,
           bool_or(held.mode = 'online') AS online
      INTO taught
      FROM (SELECT DISTINCT ON (s.section_id) s.*
              FROM live_session_attendances a
              JOIN live_sessions s ON s.id = a.session_id AND s.status = 'closed'
              JOIN section_progress p
                ON p.enrollment_id = p_enrollment AND p.section_id = s.section_id
             WHERE a.user_id = enrolled.user_id AND a.status = 'attended'
               AND s.module_id = enrolled.module_id AND s.closed_at <= p.completed_at
             ORDER BY s.section_id, s.closed_at DESC) held;
    body := jsonb_build_object(
        'schema', 1,
        'id', new_id,
        'sequence', coalesce(previous.sequence, 0) + 1,
        'user_id', enrolled.user_id,
        'user', snapshot,
        'enrollment_id', p_enrollment,
        'source', enrolled.source,
        'module_id', enrolled.module_id,
        'module_title', published.title,
        'version_id', published.id,
        'version', published.number,
        'language', published.language,
        'content_sha256', published.content_sha256,
        'outline', published.outline,
        'started_at', rfc3339(enrolled.enrolled_at),
        'completed_at', rfc3339(completed),
        'recorded_at', rfc3339(stamp),
        'time_zone', zone,
        'local_date', (completed AT TIME ZONE zone)::date,
        'minutes', total_minutes,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'signatures', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'section_id', s.section_id, 'printed_name', s.printed_name, 'meaning', s.meaning,
                'document_sha256', s.document_sha256, 'signed_at', rfc3339(s.created_at))
                ORDER BY s.created_at, s.section_id), '[]')
              FROM signatures s WHERE s.enrollment_id = p_enrollment),
        'delivery_method', CASE
            WHEN taught.online IS NULL THEN 'self_paced_online'
            WHEN EXISTS (
                SELECT FROM version_sections v
                 WHERE v.version_id = published.id AND v.required
                   AND v.completed_by = 'report') THEN 'blended'
            WHEN taught.online THEN 'live_online'
            ELSE 'live' END,
        'instructors', taught.instructors || CASE
            WHEN teaching.contact_name IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object(
                'role', 'contact', 'name', teaching.contact_name,
                'qualification', teaching.contact_qualification)) END,
        'ce_hours', teaching.ce_hours,
        'ce', CASE WHEN teaching.ce_hours IS NOT NULL THEN jsonb_build_object(
            'provider_name', teaching.ce_provider_name,
            'provider_number', teaching.ce_provider_number,
            'category', teaching.ce_category, 'delivery', teaching.ce_delivery) END)::text;
    digest := encode(sha256(convert_to(coalesce(previous.hash, repeat('0', 64)) || body, 'UTF8')),
                     'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, module_id, version_id, user_snapshot, module_title,
        version, content_sha256, completed_at, local_date, time_zone, score_percent, minutes,
        payload, previous_hash, hash, created_at)
    VALUES (
        new_id, enrolled.user_id, coalesce(previous.sequence, 0) + 1, p_enrollment,
        enrolled.module_id, published.id, snapshot, published.title, published.number,
        published.content_sha256, completed, (completed AT TIME ZONE zone)::date, zone, quiz.score,
        total_minutes, body, coalesce(previous.hash, repeat('0', 64)), digest, stamp);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'training_record:issued', 'training_record', new_id,
            jsonb_build_object('user_id', enrolled.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$
"""
ISSUE_TRAINING_RECORD_BEFORE = r"""
CREATE OR REPLACE FUNCTION issue_training_record(
    p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    enrolled enrollments;
    published module_versions;
    person record;
    previous record;
    quiz record;
    taught record;
    teaching module_teachings;
    new_id uuid := gen_random_uuid();
    completed timestamptz;
    zone text;
    body text;
    digest text;
    snapshot jsonb;
    total_minutes integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments WHERE id = p_enrollment;
    SELECT * INTO published FROM module_versions WHERE id = enrolled.version_id;
    SELECT u.*, l.name AS location, l.time_zone, d.name AS department INTO person
      FROM users u
      LEFT JOIN locations l ON l.id = u.location_id
      LEFT JOIN departments d ON d.id = u.department_id
     WHERE u.id = enrolled.user_id
       FOR NO KEY UPDATE OF u;
    SELECT t.sequence, t.hash INTO previous
      FROM training_records t
     WHERE t.user_id = enrolled.user_id
     ORDER BY t.sequence DESC LIMIT 1;
    completed := enrolled.completed_at;
    zone := coalesce(person.time_zone, 'UTC');
    snapshot := jsonb_build_object(
        'full_name',
        CASE WHEN person.name_confirmed THEN person.full_name ELSE person.previous_name END,
        'email', person.email, 'job_title', person.job_title,
        'department', person.department, 'location', person.location);
    SELECT coalesce(ceil(sum(p.seconds_spent) / 60.0), 0) INTO total_minutes
      FROM section_progress p WHERE p.enrollment_id = p_enrollment;
    SELECT round(100 * sum(best.points) / nullif(sum(best.max_points), 0), 2) AS score,
           coalesce(jsonb_agg(jsonb_build_object(
               'section_id', best.section_id, 'attempt', best.number, 'attempts', best.attempts,
               'score_percent', best.score_percent, 'pass_mark', best.pass_mark)
               ORDER BY best.section_id), '[]') AS results
      INTO quiz
      FROM (SELECT DISTINCT ON (a.section_id) a.*,
                   count(*) OVER (PARTITION BY a.section_id) AS attempts
              FROM quiz_attempts a
             WHERE a.enrollment_id = p_enrollment AND a.state = 'graded'
             ORDER BY a.section_id, a.passed DESC, a.points DESC, a.number) best;
    SELECT * INTO teaching FROM module_teachings m WHERE m.module_id = enrolled.module_id;
    -- For each live section the session whose closing completed it.
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'role', 'instructor', 'name', held.instructor_name,
               'qualification', held.instructor_qualification, 'session_id', held.id,
               'section_id', held.section_id, 'mode', held.mode,
               'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes)
               ORDER BY held.starts_at, held.id), '[]') AS instructors,
           bool_or(held.mode = 'online') AS online
      INTO taught
      FROM (SELECT DISTINCT ON (s.section_id) s.*
              FROM live_session_attendances a
              JOIN live_sessions s ON s.id = a.session_id AND s.status = 'closed'
              JOIN section_progress p
                ON p.enrollment_id = p_enrollment AND p.section_id = s.section_id
             WHERE a.user_id = enrolled.user_id AND a.status = 'attended'
               AND s.module_id = enrolled.module_id AND s.closed_at <= p.completed_at
             ORDER BY s.section_id, s.closed_at DESC) held;
    body := jsonb_build_object(
        'schema', 1,
        'id', new_id,
        'sequence', coalesce(previous.sequence, 0) + 1,
        'user_id', enrolled.user_id,
        'user', snapshot,
        'enrollment_id', p_enrollment,
        'source', enrolled.source,
        'module_id', enrolled.module_id,
        'module_title', published.title,
        'version_id', published.id,
        'version', published.number,
        'language', published.language,
        'content_sha256', published.content_sha256,
        'outline', published.outline,
        'started_at', rfc3339(enrolled.enrolled_at),
        'completed_at', rfc3339(completed),
        'time_zone', zone,
        'local_date', (completed AT TIME ZONE zone)::date,
        'minutes', total_minutes,
        'score_percent', quiz.score,
        'quizzes', quiz.results,
        'signatures', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'section_id', s.section_id, 'printed_name', s.printed_name, 'meaning', s.meaning,
                'document_sha256', s.document_sha256, 'signed_at', rfc3339(s.created_at))
                ORDER BY s.created_at, s.section_id), '[]')
              FROM signatures s WHERE s.enrollment_id = p_enrollment),
        'delivery_method', CASE
            WHEN taught.online IS NULL THEN 'self_paced_online'
            WHEN EXISTS (
                SELECT FROM version_sections v
                 WHERE v.version_id = published.id AND v.required
                   AND v.completed_by = 'report') THEN 'blended'
            WHEN taught.online THEN 'live_online'
            ELSE 'live' END,
        'instructors', taught.instructors || CASE
            WHEN teaching.contact_name IS NULL THEN '[]'::jsonb
            ELSE jsonb_build_array(jsonb_build_object(
                'role', 'contact', 'name', teaching.contact_name,
                'qualification', teaching.contact_qualification)) END,
        'ce_hours', teaching.ce_hours,
        'ce', CASE WHEN teaching.ce_hours IS NOT NULL THEN jsonb_build_object(
            'provider_name', teaching.ce_provider_name,
            'provider_number', teaching.ce_provider_number,
            'category', teaching.ce_category, 'delivery', teaching.ce_delivery) END)::text;
    digest := encode(sha256(convert_to(coalesce(previous.hash, repeat('0', 64)) || body, 'UTF8')),
                     'hex');
    INSERT INTO training_records (
        id, user_id, sequence, enrollment_id, module_id, version_id, user_snapshot, module_title,
        version, content_sha256, completed_at, local_date, time_zone, score_percent, minutes,
        payload, previous_hash, hash)
    VALUES (
        new_id, enrolled.user_id, coalesce(previous.sequence, 0) + 1, p_enrollment,
        enrolled.module_id, published.id, snapshot, published.title, published.number,
        published.content_sha256, completed, (completed AT TIME ZONE zone)::date, zone, quiz.score,
        total_minutes, body, coalesce(previous.hash, repeat('0', 64)), digest);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'training_record:issued', 'training_record', new_id,
            jsonb_build_object('user_id', enrolled.user_id, 'hash', digest), p_request_id);
    RETURN new_id;
END $$
"""
ERASE_PERSON = r"""
CREATE OR REPLACE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date)
RETURNS uuid
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
    UPDATE external_trainings
       SET user_snapshot = NULL, notes = NULL, evidence_reference = NULL, review_reason = NULL,
           title = 'erased', provider = 'erased', instructor_name = NULL
     WHERE user_id = p_user;
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
           manager_id = NULL, revision = revision + 1, updated_at = clock_timestamp()
     WHERE id = p_user;
    INSERT INTO audit_events (action, target_type, target_id, after)
    VALUES ('user:erased', 'user', p_user, jsonb_build_object(
        'pseudonym', p_pseudonym, 'kept_through', p_kept_through,
        'record_count', chain.records, 'last_hash', chain.last_hash));
    RETURN tombstone;
END $$
"""
ERASE_PERSON_BEFORE = r"""
CREATE OR REPLACE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date)
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    tombstone uuid := gen_random_uuid();
    today date := (now() AT TIME ZONE 'UTC')::date;
    chain record;
BEGIN
    PERFORM FROM users WHERE id = p_user AND NOT is_active FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'person_active' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM erasures WHERE user_id = p_user) THEN
        RAISE EXCEPTION 'already_erased' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM legal_holds WHERE user_id = p_user AND released_at IS NULL) THEN
        RAISE EXCEPTION 'legal_hold' USING ERRCODE = 'restrict_violation';
    ELSIF p_kept_through >= today OR EXISTS (
        SELECT FROM training_records
         WHERE user_id = p_user AND local_date + interval '3 years' >= today) THEN
        RAISE EXCEPTION 'clock_running' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (
        SELECT FROM training_records t LEFT JOIN sealed_records s ON s.record_id = t.id
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
    DELETE FROM training_records WHERE user_id = p_user;
    DELETE FROM signatures WHERE user_id = p_user;
    DELETE FROM idempotency_keys WHERE user_id = p_user;
    DELETE FROM location_managers WHERE user_id = p_user;
    UPDATE external_trainings
       SET user_snapshot = NULL, notes = NULL, evidence_reference = NULL, review_reason = NULL,
           title = 'erased', provider = 'erased', instructor_name = NULL
     WHERE user_id = p_user;
    UPDATE live_session_attendances SET full_name = NULL, job_title = NULL WHERE user_id = p_user;
    UPDATE legal_holds SET reason = 'erased' WHERE user_id = p_user;
    UPDATE employment_changes SET note = NULL WHERE user_id = p_user AND note IS NOT NULL;
    UPDATE media SET file_name = NULL WHERE owner_id = p_user AND purpose = 'evidence';
    UPDATE audit_events SET before = NULL, after = NULL
     WHERE target_id IN (SELECT rows_about(p_user))
       AND (before IS NOT NULL OR after IS NOT NULL);
    UPDATE users
       SET full_name = p_pseudonym, email = p_pseudonym || '@erased.invalid', supabase_id = NULL,
           email_confirmed = false, last_sign_in = NULL, profile_metadata = '{}',
           name_confirmed = true, previous_name = NULL, name_aliases = '[]',
           manager_id = NULL, revision = revision + 1, updated_at = clock_timestamp()
     WHERE id = p_user;
    INSERT INTO audit_events (action, target_type, target_id, after)
    VALUES ('user:erased', 'user', p_user, jsonb_build_object(
        'pseudonym', p_pseudonym, 'kept_through', p_kept_through,
        'record_count', chain.records, 'last_hash', chain.last_hash));
    RETURN tombstone;
END $$
"""
SEAL_RECORDS = r"""
CREATE OR REPLACE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
RETURNS SETOF record_seals LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    previous record_seals;
    made record_seals;
    the_trail boolean;
    kinds text[];
    ids uuid[];
    hashes text[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('record_seals', 0));
    SELECT min(u.is_trail::int)::boolean INTO the_trail
      FROM unsealed_evidence() u WHERE NOT u.of_sealing;
    IF the_trail IS NULL THEN
        RETURN;
    END IF;
    SELECT array_agg(u.kind ORDER BY u.place), array_agg(u.id ORDER BY u.place),
           array_agg(h.hash ORDER BY u.place) INTO kinds, ids, hashes
      FROM (SELECT o.kind, o.id, row_number() OVER (ORDER BY o.recorded_at, o.id) AS place
              FROM unsealed_evidence() o WHERE o.is_trail = the_trail
             ORDER BY place LIMIT p_limit) u
     CROSS JOIN LATERAL evidence_hash(u.kind, u.id) h;
    SELECT * INTO previous FROM record_seals ORDER BY number DESC LIMIT 1;
    made.id := gen_random_uuid();
    made.number := coalesce(previous.number, 0) + 1;
    made.record_count := cardinality(hashes);
    made.merkle_root := merkle_root(hashes);
    made.previous_hash := coalesce(previous.hash, repeat('0', 64));
    made.hash := seal_hash(made.previous_hash, made.number, made.record_count, made.merkle_root);
    made.created_at := clock_timestamp();
    INSERT INTO record_seals SELECT made.*;
    INSERT INTO sealed_records (seal_id, position, kind, record_id, record_hash)
    SELECT made.id, l.position, l.kind, l.record_id, l.hash
      FROM unnest(kinds, ids, hashes) WITH ORDINALITY AS l (kind, record_id, hash, position);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'record_seal:created', 'record_seal', made.id,
            jsonb_build_object('number', made.number, 'record_count', made.record_count,
                               'hash', made.hash), p_request_id);
    RETURN NEXT made;
END $$
"""
SEAL_RECORDS_BEFORE = r"""
CREATE OR REPLACE FUNCTION seal_records(p_limit integer, p_actor uuid, p_request_id text)
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
END $$
"""

MADE = {
    "sha256_hex(text)": SHA256_HEX,
    "row_json(anyelement)": ROW_JSON,
    "evidence()": EVIDENCE,
    "evidence_hash(text, uuid)": EVIDENCE_HASH,
    "unsealed_evidence()": UNSEALED_EVIDENCE,
}
CHANGED = (
    CORRECT_TRAINING_RECORD,
    ISSUE_TRAINING_RECORD,
    ERASE_PERSON,
    SEAL_RECORDS,
)
CHANGED_BEFORE = (
    CORRECT_TRAINING_RECORD_BEFORE,
    ISSUE_TRAINING_RECORD_BEFORE,
    ERASE_PERSON_BEFORE,
    SEAL_RECORDS_BEFORE,
)
# For people who were erased before this revision. Only their records had been sealed then.
KNOW_THE_ERASED = """
INSERT INTO erased_evidence (erasure_id, kind, record_id)
SELECT erasure_id, 'training_records', record_id FROM erased_records
    ON CONFLICT DO NOTHING
"""
# A downgrade keeps the table erased_evidence. It says which sealed evidence was erased; without it,
# the seals of that evidence could never be verified again. The downgrade that drops `erasures` also
# drops this table. Therefore an upgrade may find the table and its policy and triggers there.
UNPROTECT = (
    "DROP POLICY IF EXISTS api ON erased_evidence",
    "DROP TRIGGER IF EXISTS refuse_change ON erased_evidence",
    "DROP TRIGGER IF EXISTS refuse_truncate ON erased_evidence",
)
# A downgrade also keeps the kinds of the leaves, and the seals. Until the next upgrade, the code of
# 0023 reports seals that cover other kinds than records as broken.
KIND = """
ALTER TABLE sealed_records
  ADD COLUMN IF NOT EXISTS kind varchar(64) NOT NULL DEFAULT 'training_records'
"""
UNIQUE = "uq_sealed_records_record_id_kind"


def upgrade() -> None:
    op.create_table(
        "erased_evidence",
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.id"], name=op.f("fk_erased_evidence_erasure_id")
        ),
        sa.PrimaryKeyConstraint("erasure_id", "kind", "record_id", name=op.f("pk_erased_evidence")),
        if_not_exists=True,
    )
    op.create_index(
        "ix_erased_evidence_record_id", "erased_evidence", ["record_id"], if_not_exists=True
    )
    for statement in (
        *UNPROTECT,
        *protect_table("erased_evidence", READ_ONLY),
        *refuse_changes("erased_evidence"),
        KNOW_THE_ERASED,
    ):
        op.execute(statement)
    op.execute(KIND)
    for name in ("uq_sealed_records_record_id", UNIQUE):
        op.execute(f"ALTER TABLE sealed_records DROP CONSTRAINT IF EXISTS {name}")
    op.create_unique_constraint(op.f(UNIQUE), "sealed_records", ["record_id", "kind"])
    for signature, definition in MADE.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)
    for definition in CHANGED:
        op.execute(definition)


def downgrade() -> None:
    for definition in CHANGED_BEFORE:
        op.execute(definition)
    for signature in reversed(MADE):
        op.execute(f"DROP FUNCTION {signature}")
