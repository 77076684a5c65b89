"""Know kinds of workers and employee numbers.

Revision ID: 0042
Revises: 0041
"""

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

revision: str = "0042"
down_revision: str | None = "0041"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Changes that code of 0041 records make employees: enter other kinds when it runs no more."""


KINDS = "worker_kind IN ('employee', 'contractor', 'temp', 'student')"


def upgrade() -> None:
    op.add_column(
        "employment_changes",
        sa.Column(
            "worker_kind",
            sa.String(length=32),
            server_default="employee",
            nullable=False,
        ),
    )
    op.add_column(
        "users",
        sa.Column(
            "worker_kind",
            sa.String(length=32),
            server_default="employee",
            nullable=False,
        ),
    )
    op.add_column("users", sa.Column("employee_number", sa.String(length=40), nullable=True))
    for table in ("users", "employment_changes"):
        check = f"ck_{table}_worker_kind"
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({KINDS}) NOT VALID")
    op.create_index(
        "uq_users_employee_number_active",
        "users",
        [sa.text("lower(employee_number)")],
        unique=True,
        postgresql_where=sa.text("is_active"),
        sqlite_where=sa.text("is_active"),
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER record_employment ON users
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date)
     RETURNS uuid
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
               manager_id = NULL, employee_number = NULL, revision = revision + 1, updated_at = clock_timestamp()
         WHERE id = p_user;
        INSERT INTO audit_events (action, target_type, target_id, after)
        VALUES ('user:erased', 'user', p_user, jsonb_build_object(
            'pseudonym', p_pseudonym, 'kept_through', p_kept_through,
            'record_count', chain.records, 'last_hash', chain.last_hash));
        RETURN tombstone;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION evidence()
     RETURNS TABLE(kind text, id uuid, recorded_at timestamp with time zone, of_sealing boolean, content text)
     LANGUAGE sql
     STABLE
    BEGIN ATOMIC
     SELECT 'training_records'::text AS kind,
         t.id,
         t.created_at,
         false,
         ((t.previous_hash)::text || t.payload)
        FROM training_records t
     UNION ALL
      SELECT 'module_versions'::text AS kind,
         v.id,
         v.created_at,
         false,
         (((row_json(v.*) - 'content'::text) || jsonb_build_object('evidence', 'module_versions', 'content', encode(sha256(v.content), 'hex'::text), 'answer_keys', sha256_hex(( SELECT (jsonb_object_agg(k.section_id, k.key))::text AS jsonb_object_agg
                FROM answer_keys k
               WHERE (k.version_id = v.id))), 'sections', ( SELECT jsonb_agg(row_json(s.*) ORDER BY s.section_id) AS jsonb_agg
                FROM version_sections s
               WHERE (s.version_id = v.id)), 'media', ( SELECT jsonb_agg(m.media_id ORDER BY m.media_id) AS jsonb_agg
                FROM version_media m
               WHERE (m.version_id = v.id)))))::text AS text
        FROM module_versions v
     UNION ALL
      SELECT 'signatures'::text AS kind,
         s.id,
         s.created_at,
         false,
         ((row_json(s.*) || '{"evidence": "signatures"}'::jsonb))::text AS text
        FROM signatures s
     UNION ALL
      SELECT 'external_trainings'::text AS kind,
         t.id,
         t.reviewed_at,
         false,
         ((row_json(t.*) || '{"evidence": "external_trainings"}'::jsonb))::text AS text
        FROM external_trainings t
       WHERE ((t.status)::text <> 'pending'::text)
     UNION ALL
      SELECT 'evidence_elsewhere'::text AS kind,
         e.id,
         e.created_at,
         false,
         ((row_json(e.*) || '{"evidence": "evidence_elsewhere"}'::jsonb))::text AS text
        FROM evidence_elsewhere e
     UNION ALL
      SELECT 'evidence_withdrawals'::text AS kind,
         w.id,
         w.created_at,
         false,
         ((row_json(w.*) || '{"evidence": "evidence_withdrawals"}'::jsonb))::text AS text
        FROM evidence_withdrawals w
     UNION ALL
      SELECT 'live_sessions'::text AS kind,
         s.id,
         s.closed_at,
         false,
         ((row_json(s.*) || jsonb_build_object('evidence', 'live_sessions', 'roster', ( SELECT jsonb_agg(row_json(a.*) ORDER BY a.user_id) AS jsonb_agg
                FROM live_session_attendances a
               WHERE (a.session_id = s.id)))))::text AS text
        FROM live_sessions s
       WHERE ((s.status)::text = 'closed'::text)
     UNION ALL
      SELECT 'live_session_questions'::text AS kind,
         q.id,
         q.created_at,
         false,
         ((row_json(q.*) || '{"evidence": "live_session_questions"}'::jsonb))::text AS text
        FROM live_session_questions q
     UNION ALL
      SELECT 'exemptions'::text AS kind,
         x.id,
         x.created_at,
         false,
         ((row_json(x.*) || '{"evidence": "exemptions"}'::jsonb))::text AS text
        FROM exemptions x
     UNION ALL
      SELECT 'exemption_revocations'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || '{"evidence": "exemption_revocations"}'::jsonb))::text AS text
        FROM exemption_revocations r
     UNION ALL
      SELECT 'requirement_versions'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || '{"evidence": "requirement_versions"}'::jsonb))::text AS text
        FROM requirement_versions r
     UNION ALL
      SELECT 'employment_changes'::text AS kind,
         c.id,
         c.created_at,
         false,
         (((row_json(c.*) -
             CASE c.worker_kind
                 WHEN 'employee'::text THEN 'worker_kind'::text
                 ELSE ''::text
             END) || '{"evidence": "employment_changes"}'::jsonb))::text AS text
        FROM employment_changes c
     UNION ALL
      SELECT 'quiz_corrections'::text AS kind,
         c.id,
         c.created_at,
         false,
         ((row_json(c.*) || '{"evidence": "quiz_corrections"}'::jsonb))::text AS text
        FROM quiz_corrections c
     UNION ALL
      SELECT 'attempt_grants'::text AS kind,
         g.id,
         g.created_at,
         false,
         ((row_json(g.*) || '{"evidence": "attempt_grants"}'::jsonb))::text AS text
        FROM attempt_grants g
     UNION ALL
      SELECT 'attempt_results'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || jsonb_build_object('evidence', 'attempt_results', 'attempt', (row_json(a.*) - '{points,max_points,score_percent,passed,grades,updated_at}'::text[]))))::text AS text
        FROM (attempt_results r
          JOIN quiz_attempts a ON ((a.id = r.attempt_id)))
     UNION ALL
      SELECT 'erasures'::text AS kind,
         e.id,
         e.created_at,
         false,
         ((row_json(e.*) || jsonb_build_object('evidence', 'erasures', 'records', ( SELECT jsonb_agg(row_json(l.*) ORDER BY l.sequence) AS jsonb_agg
                FROM erased_records l
               WHERE (l.erasure_id = e.id)), 'erased', ( SELECT jsonb_agg(row_json(x.*) ORDER BY x.kind, x.record_id) AS jsonb_agg
                FROM erased_evidence x
               WHERE (x.erasure_id = e.id)))))::text AS text
        FROM erasures e
     UNION ALL
      SELECT 'media'::text AS kind,
         f.id,
         f.named_at,
         false,
         ((row_json(f.file) || '{"evidence": "media"}'::jsonb))::text AS text
        FROM ( SELECT m.id,
                 m.*::media AS file,
                 LEAST(( SELECT min(t.reviewed_at) AS min
                        FROM external_trainings t
                       WHERE ((t.user_id = m.owner_id) AND ((t.status)::text <> 'pending'::text) AND (lower((t.evidence_reference)::text) = (m.id)::text))), ( SELECT min(v.created_at) AS min
                        FROM (version_media u
                          JOIN module_versions v ON ((v.id = u.version_id)))
                       WHERE (u.media_id = m.id))) AS named_at
                FROM media m) f
       WHERE (f.named_at IS NOT NULL)
     UNION ALL
      SELECT 'audit_events'::text AS kind,
         e.id,
         e.created_at,
         ((e.action)::text = 'record_seal:created'::text),
         ((row_json(e.*) || '{"evidence": "audit_events"}'::jsonb))::text AS text
        FROM audit_events e
     UNION ALL
      SELECT 'record_seals'::text AS kind,
         s.id,
         s.created_at,
         true,
         ((row_json(s.*) || '{"evidence": "record_seals"}'::jsonb))::text AS text
        FROM record_seals s;
    END
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_employment()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        today date := local_day(NEW.location_id);
        department_name text := (SELECT d.name FROM departments d WHERE d.id = NEW.department_id);
        held employment_changes;
        now_state text;
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            today := greatest(today, local_day(OLD.location_id));
        END IF;
        SELECT * INTO held FROM employment_changes e
         WHERE e.user_id = NEW.id AND e.effective_on <= today
         ORDER BY e.effective_on DESC, e.recorded_on DESC, e.created_at DESC, e.id DESC LIMIT 1;
        now_state := CASE WHEN NOT NEW.is_active THEN 'terminated'
                          WHEN held.state = 'leave' THEN 'leave' ELSE 'active' END;
        IF (held.state, held.role, held.worker_kind, held.location_id, held.department, held.job_title,
            held.hired_on)
           IS NOT DISTINCT FROM
           (now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name, NEW.job_title,
            NEW.hired_on) THEN
            RETURN NULL;
        END IF;
        INSERT INTO employment_changes (
            user_id, effective_on, recorded_on, state, role, worker_kind, location_id, department,
            job_title, hired_on)
        VALUES (
            NEW.id, CASE WHEN held.id IS NULL THEN coalesce(NEW.hired_on, today) ELSE today END,
            today, now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name,
            NEW.job_title, NEW.hired_on);
        IF held.id IS NULL THEN
            RETURN NULL;
        END IF;
        -- What was announced for later goes on to hold, with what is new about the person now. Whoever
        -- is let in again is not ended a second time by what ended with the employment.
        INSERT INTO employment_changes (
            user_id, effective_on, recorded_on, state, role, worker_kind, location_id, department,
            job_title, hired_on, note)
        SELECT NEW.id, f.effective_on, today,
               CASE WHEN NOT NEW.is_active THEN 'terminated'
                    WHEN held.state = 'terminated'
                     AND bool_and(f.state = 'terminated') OVER (ORDER BY f.effective_on) THEN now_state
                    ELSE f.state END,
               CASE WHEN f.role = held.role THEN NEW.role ELSE f.role END,
               CASE WHEN f.worker_kind = held.worker_kind
                    THEN NEW.worker_kind ELSE f.worker_kind END,
               CASE WHEN f.location_id IS NOT DISTINCT FROM held.location_id
                    THEN NEW.location_id ELSE f.location_id END,
               CASE WHEN f.department IS NOT DISTINCT FROM held.department
                    THEN department_name ELSE f.department END,
               CASE WHEN f.job_title IS NOT DISTINCT FROM held.job_title
                    THEN NEW.job_title ELSE f.job_title END,
               CASE WHEN f.hired_on IS NOT DISTINCT FROM held.hired_on
                    THEN NEW.hired_on ELSE f.hired_on END,
               f.note
          FROM (SELECT DISTINCT ON (e.effective_on) e.*
                  FROM employment_changes e
                 WHERE e.user_id = NEW.id AND e.effective_on > today
                 ORDER BY e.effective_on, e.recorded_on DESC, e.created_at DESC, e.id DESC) f
         ORDER BY f.effective_on;
        RETURN NULL;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER record_employment AFTER INSERT OR UPDATE OF is_active, role, worker_kind, location_id, department_id, job_title, hired_on ON users FOR EACH ROW EXECUTE FUNCTION record_employment()
    """)
    )
    op.execute("GRANT INSERT (worker_kind) ON employment_changes TO training_api")


def downgrade() -> None:
    op.execute(
        dedent(r"""
    DROP TRIGGER record_employment ON users
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_employment()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        today date := local_day(NEW.location_id);
        department_name text := (SELECT d.name FROM departments d WHERE d.id = NEW.department_id);
        held employment_changes;
        now_state text;
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            today := greatest(today, local_day(OLD.location_id));
        END IF;
        SELECT * INTO held FROM employment_changes e
         WHERE e.user_id = NEW.id AND e.effective_on <= today
         ORDER BY e.effective_on DESC, e.recorded_on DESC, e.created_at DESC, e.id DESC LIMIT 1;
        now_state := CASE WHEN NOT NEW.is_active THEN 'terminated'
                          WHEN held.state = 'leave' THEN 'leave' ELSE 'active' END;
        IF (held.state, held.role, held.location_id, held.department, held.job_title, held.hired_on)
           IS NOT DISTINCT FROM
           (now_state, NEW.role, NEW.location_id, department_name, NEW.job_title, NEW.hired_on) THEN
            RETURN NULL;
        END IF;
        INSERT INTO employment_changes (
            user_id, effective_on, recorded_on, state, role, location_id, department, job_title,
            hired_on)
        VALUES (
            NEW.id, CASE WHEN held.id IS NULL THEN coalesce(NEW.hired_on, today) ELSE today END,
            today, now_state, NEW.role, NEW.location_id, department_name, NEW.job_title,
            NEW.hired_on);
        IF held.id IS NULL THEN
            RETURN NULL;
        END IF;
        -- What was announced for later goes on to hold, with what is new about the person now. Whoever
        -- is let in again is not ended a second time by what ended with the employment.
        INSERT INTO employment_changes (
            user_id, effective_on, recorded_on, state, role, location_id, department, job_title,
            hired_on, note)
        SELECT NEW.id, f.effective_on, today,
               CASE WHEN NOT NEW.is_active THEN 'terminated'
                    WHEN held.state = 'terminated'
                     AND bool_and(f.state = 'terminated') OVER (ORDER BY f.effective_on) THEN now_state
                    ELSE f.state END,
               CASE WHEN f.role = held.role THEN NEW.role ELSE f.role END,
               CASE WHEN f.location_id IS NOT DISTINCT FROM held.location_id
                    THEN NEW.location_id ELSE f.location_id END,
               CASE WHEN f.department IS NOT DISTINCT FROM held.department
                    THEN department_name ELSE f.department END,
               CASE WHEN f.job_title IS NOT DISTINCT FROM held.job_title
                    THEN NEW.job_title ELSE f.job_title END,
               CASE WHEN f.hired_on IS NOT DISTINCT FROM held.hired_on
                    THEN NEW.hired_on ELSE f.hired_on END,
               f.note
          FROM (SELECT DISTINCT ON (e.effective_on) e.*
                  FROM employment_changes e
                 WHERE e.user_id = NEW.id AND e.effective_on > today
                 ORDER BY e.effective_on, e.recorded_on DESC, e.created_at DESC, e.id DESC) f
         ORDER BY f.effective_on;
        RETURN NULL;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION evidence()
     RETURNS TABLE(kind text, id uuid, recorded_at timestamp with time zone, of_sealing boolean, content text)
     LANGUAGE sql
     STABLE
    BEGIN ATOMIC
     SELECT 'training_records'::text AS kind,
         t.id,
         t.created_at,
         false,
         ((t.previous_hash)::text || t.payload)
        FROM training_records t
     UNION ALL
      SELECT 'module_versions'::text AS kind,
         v.id,
         v.created_at,
         false,
         (((row_json(v.*) - 'content'::text) || jsonb_build_object('evidence', 'module_versions', 'content', encode(sha256(v.content), 'hex'::text), 'answer_keys', sha256_hex(( SELECT (jsonb_object_agg(k.section_id, k.key))::text AS jsonb_object_agg
                FROM answer_keys k
               WHERE (k.version_id = v.id))), 'sections', ( SELECT jsonb_agg(row_json(s.*) ORDER BY s.section_id) AS jsonb_agg
                FROM version_sections s
               WHERE (s.version_id = v.id)), 'media', ( SELECT jsonb_agg(m.media_id ORDER BY m.media_id) AS jsonb_agg
                FROM version_media m
               WHERE (m.version_id = v.id)))))::text AS text
        FROM module_versions v
     UNION ALL
      SELECT 'signatures'::text AS kind,
         s.id,
         s.created_at,
         false,
         ((row_json(s.*) || '{"evidence": "signatures"}'::jsonb))::text AS text
        FROM signatures s
     UNION ALL
      SELECT 'external_trainings'::text AS kind,
         t.id,
         t.reviewed_at,
         false,
         ((row_json(t.*) || '{"evidence": "external_trainings"}'::jsonb))::text AS text
        FROM external_trainings t
       WHERE ((t.status)::text <> 'pending'::text)
     UNION ALL
      SELECT 'evidence_elsewhere'::text AS kind,
         e.id,
         e.created_at,
         false,
         ((row_json(e.*) || '{"evidence": "evidence_elsewhere"}'::jsonb))::text AS text
        FROM evidence_elsewhere e
     UNION ALL
      SELECT 'evidence_withdrawals'::text AS kind,
         w.id,
         w.created_at,
         false,
         ((row_json(w.*) || '{"evidence": "evidence_withdrawals"}'::jsonb))::text AS text
        FROM evidence_withdrawals w
     UNION ALL
      SELECT 'live_sessions'::text AS kind,
         s.id,
         s.closed_at,
         false,
         ((row_json(s.*) || jsonb_build_object('evidence', 'live_sessions', 'roster', ( SELECT jsonb_agg(row_json(a.*) ORDER BY a.user_id) AS jsonb_agg
                FROM live_session_attendances a
               WHERE (a.session_id = s.id)))))::text AS text
        FROM live_sessions s
       WHERE ((s.status)::text = 'closed'::text)
     UNION ALL
      SELECT 'live_session_questions'::text AS kind,
         q.id,
         q.created_at,
         false,
         ((row_json(q.*) || '{"evidence": "live_session_questions"}'::jsonb))::text AS text
        FROM live_session_questions q
     UNION ALL
      SELECT 'exemptions'::text AS kind,
         x.id,
         x.created_at,
         false,
         ((row_json(x.*) || '{"evidence": "exemptions"}'::jsonb))::text AS text
        FROM exemptions x
     UNION ALL
      SELECT 'exemption_revocations'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || '{"evidence": "exemption_revocations"}'::jsonb))::text AS text
        FROM exemption_revocations r
     UNION ALL
      SELECT 'requirement_versions'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || '{"evidence": "requirement_versions"}'::jsonb))::text AS text
        FROM requirement_versions r
     UNION ALL
      SELECT 'employment_changes'::text AS kind,
         c.id,
         c.created_at,
         false,
         ((row_json(c.*) || '{"evidence": "employment_changes"}'::jsonb))::text AS text
        FROM employment_changes c
     UNION ALL
      SELECT 'quiz_corrections'::text AS kind,
         c.id,
         c.created_at,
         false,
         ((row_json(c.*) || '{"evidence": "quiz_corrections"}'::jsonb))::text AS text
        FROM quiz_corrections c
     UNION ALL
      SELECT 'attempt_grants'::text AS kind,
         g.id,
         g.created_at,
         false,
         ((row_json(g.*) || '{"evidence": "attempt_grants"}'::jsonb))::text AS text
        FROM attempt_grants g
     UNION ALL
      SELECT 'attempt_results'::text AS kind,
         r.id,
         r.created_at,
         false,
         ((row_json(r.*) || jsonb_build_object('evidence', 'attempt_results', 'attempt', (row_json(a.*) - '{points,max_points,score_percent,passed,grades,updated_at}'::text[]))))::text AS text
        FROM (attempt_results r
          JOIN quiz_attempts a ON ((a.id = r.attempt_id)))
     UNION ALL
      SELECT 'erasures'::text AS kind,
         e.id,
         e.created_at,
         false,
         ((row_json(e.*) || jsonb_build_object('evidence', 'erasures', 'records', ( SELECT jsonb_agg(row_json(l.*) ORDER BY l.sequence) AS jsonb_agg
                FROM erased_records l
               WHERE (l.erasure_id = e.id)), 'erased', ( SELECT jsonb_agg(row_json(x.*) ORDER BY x.kind, x.record_id) AS jsonb_agg
                FROM erased_evidence x
               WHERE (x.erasure_id = e.id)))))::text AS text
        FROM erasures e
     UNION ALL
      SELECT 'media'::text AS kind,
         f.id,
         f.named_at,
         false,
         ((row_json(f.file) || '{"evidence": "media"}'::jsonb))::text AS text
        FROM ( SELECT m.id,
                 m.*::media AS file,
                 LEAST(( SELECT min(t.reviewed_at) AS min
                        FROM external_trainings t
                       WHERE ((t.user_id = m.owner_id) AND ((t.status)::text <> 'pending'::text) AND (lower((t.evidence_reference)::text) = (m.id)::text))), ( SELECT min(v.created_at) AS min
                        FROM (version_media u
                          JOIN module_versions v ON ((v.id = u.version_id)))
                       WHERE (u.media_id = m.id))) AS named_at
                FROM media m) f
       WHERE (f.named_at IS NOT NULL)
     UNION ALL
      SELECT 'audit_events'::text AS kind,
         e.id,
         e.created_at,
         ((e.action)::text = 'record_seal:created'::text),
         ((row_json(e.*) || '{"evidence": "audit_events"}'::jsonb))::text AS text
        FROM audit_events e
     UNION ALL
      SELECT 'record_seals'::text AS kind,
         s.id,
         s.created_at,
         true,
         ((row_json(s.*) || '{"evidence": "record_seals"}'::jsonb))::text AS text
        FROM record_seals s;
    END
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date)
     RETURNS uuid
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER record_employment AFTER INSERT OR UPDATE OF is_active, role, location_id, department_id, job_title, hired_on ON users FOR EACH ROW EXECUTE FUNCTION record_employment()
    """)
    )
    op.drop_index(
        "uq_users_employee_number_active",
        table_name="users",
        postgresql_where=sa.text("is_active"),
        sqlite_where=sa.text("is_active"),
    )
    op.drop_column("users", "employee_number")
    op.drop_column("users", "worker_kind")
    op.drop_column("employment_changes", "worker_kind")
