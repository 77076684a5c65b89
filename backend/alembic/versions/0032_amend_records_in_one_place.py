"""Let one function write the records that correct others.

Revision ID: 0032
Revises: 0031
"""

from textwrap import dedent

from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION add_class_to_record(p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        held live_sessions;
        known training_records;
        stamp timestamptz := clock_timestamp();
        total_minutes integer;
    BEGIN
        SELECT s.* INTO held
          FROM live_sessions s
          JOIN live_session_attendances a ON a.session_id = s.id AND a.status = 'attended'
          JOIN enrollments e
            ON e.user_id = a.user_id AND e.module_id = s.module_id AND e.status = 'completed'
          JOIN version_sections v ON v.version_id = e.version_id AND v.section_id = s.section_id
         WHERE s.id = p_session AND s.status = 'closed' AND e.id = p_enrollment
           FOR NO KEY UPDATE OF e;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO section_progress AS p (
            enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at)
        VALUES (p_enrollment, held.section_id, 'completed', held.duration_minutes * 60, 0, stamp, stamp)
        ON CONFLICT (enrollment_id, section_id) DO UPDATE
           SET state = 'completed', completed_at = stamp, updated_at = stamp,
               seconds_spent = greatest(p.seconds_spent, excluded.seconds_spent)
         WHERE p.state <> 'completed';
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
        VALUES (p_actor, 'section:completed', 'enrollment', p_enrollment,
                jsonb_build_object('section_id', held.section_id), p_request_id);
        PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
          WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
        SELECT * INTO known FROM training_records t
         WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
        SELECT ceil(sum(p.seconds_spent) / 60.0) INTO total_minutes
          FROM section_progress p WHERE p.enrollment_id = p_enrollment;
        RETURN amend_training_record(known, jsonb_build_object(
            'minutes', total_minutes,
            'delivery_method', 'blended',
            'instructors', jsonb_build_array(jsonb_build_object(
                'role', 'instructor', 'name', held.instructor_name,
                'qualification', held.instructor_qualification, 'session_id', held.id,
                'section_id', held.section_id, 'mode', held.mode,
                'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes))
                || (known.payload::jsonb -> 'instructors')), p_actor, p_request_id);
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION amend_training_record(p_known training_records, p_changes jsonb, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION correct_training_record(p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        wrong training_records;
        quiz record;
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
        RETURN amend_training_record(wrong, jsonb_build_object(
            'score_percent', quiz.score,
            'quizzes', quiz.results,
            'correction_id', p_correction), p_actor, p_request_id);
    END $function$
    """)
    )


def downgrade() -> None:
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION correct_training_record(p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION amend_training_record(training_records,jsonb,uuid,text)
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION add_class_to_record(p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        held live_sessions;
        known training_records;
        previous record;
        new_id uuid := gen_random_uuid();
        stamp timestamptz := clock_timestamp();
        total_minutes integer;
        body text;
        digest text;
    BEGIN
        SELECT s.* INTO held
          FROM live_sessions s
          JOIN live_session_attendances a ON a.session_id = s.id AND a.status = 'attended'
          JOIN enrollments e
            ON e.user_id = a.user_id AND e.module_id = s.module_id AND e.status = 'completed'
          JOIN version_sections v ON v.version_id = e.version_id AND v.section_id = s.section_id
         WHERE s.id = p_session AND s.status = 'closed' AND e.id = p_enrollment
           FOR NO KEY UPDATE OF e;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO section_progress AS p (
            enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at)
        VALUES (p_enrollment, held.section_id, 'completed', held.duration_minutes * 60, 0, stamp, stamp)
        ON CONFLICT (enrollment_id, section_id) DO UPDATE
           SET state = 'completed', completed_at = stamp, updated_at = stamp,
               seconds_spent = greatest(p.seconds_spent, excluded.seconds_spent)
         WHERE p.state <> 'completed';
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
        VALUES (p_actor, 'section:completed', 'enrollment', p_enrollment,
                jsonb_build_object('section_id', held.section_id), p_request_id);
        PERFORM FROM users u JOIN enrollments e ON e.user_id = u.id
          WHERE e.id = p_enrollment FOR NO KEY UPDATE OF u;
        SELECT * INTO known FROM training_records t
         WHERE t.enrollment_id = p_enrollment ORDER BY t.sequence DESC LIMIT 1;
        SELECT t.sequence, t.hash INTO previous FROM training_records t
         WHERE t.user_id = known.user_id ORDER BY t.sequence DESC LIMIT 1;
        SELECT ceil(sum(p.seconds_spent) / 60.0) INTO total_minutes
          FROM section_progress p WHERE p.enrollment_id = p_enrollment;
        body := (known.payload::jsonb || jsonb_build_object(
            'id', new_id,
            'sequence', previous.sequence + 1,
            'minutes', total_minutes,
            'delivery_method', 'blended',
            'instructors', jsonb_build_array(jsonb_build_object(
                'role', 'instructor', 'name', held.instructor_name,
                'qualification', held.instructor_qualification, 'session_id', held.id,
                'section_id', held.section_id, 'mode', held.mode,
                'starts_at', rfc3339(held.starts_at), 'duration_minutes', held.duration_minutes))
                || (known.payload::jsonb -> 'instructors'),
            'corrects_id', known.id,
            'recorded_at', rfc3339(stamp),
            'corrected_at', rfc3339(stamp)))::text;
        digest := encode(sha256(convert_to(previous.hash || body, 'UTF8')), 'hex');
        INSERT INTO training_records (
            id, user_id, sequence, enrollment_id, corrects_id, module_id, version_id, user_snapshot,
            module_title, version, content_sha256, completed_at, local_date, time_zone, score_percent,
            minutes, payload, previous_hash, hash, created_at)
        VALUES (
            new_id, known.user_id, previous.sequence + 1, p_enrollment, known.id, known.module_id,
            known.version_id, known.user_snapshot, known.module_title, known.version,
            known.content_sha256, known.completed_at, known.local_date, known.time_zone,
            known.score_percent, total_minutes, body, previous.hash, digest, stamp);
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        VALUES (p_actor, 'training_record:corrected', 'training_record', new_id,
                jsonb_build_object('id', known.id, 'hash', known.hash),
                jsonb_build_object('user_id', known.user_id, 'hash', digest), p_request_id);
        RETURN new_id;
    END $function$
    """)
    )
