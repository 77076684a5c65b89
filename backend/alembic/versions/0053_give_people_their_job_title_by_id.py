"""Give people their job title by id.

Revision ID: 0053
Revises: 0052
"""

from textwrap import dedent

import sqlalchemy as sa
from alembic import op

revision: str = "0053"
down_revision: str | None = "0052"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Released with 0045, with which no code of before works either: none is left to read the text."""

# As in revision 0035: what `app.domain.word.comparable` makes of a word.
FOLD = r"""
left(trim(regexp_replace(replace(translate(lower(normalize({word}, NFKC)),
     E'\u2018\u2019\u201a\u201b\u2032\u201c\u201d\u201e\u201f\u2033'
     '\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u0131\u00ad\u200b\u200c\u200d\u2060\ufeff',
     E'\u0027\u0027\u0027\u0027\u0027\u0022\u0022\u0022\u0022\u0022-------i'),
     E'i\u0307', 'i'), '\s+', ' ', 'g')), 200)
"""
MEANT = """
job_titles t LEFT JOIN job_title_spellings s ON s.word_id = t.id
  WHERE (h.spelling = s.spelling OR h.name IN (t.name, s.written))
"""
# A title that is in no list was written past the services: it is listed, for an admin to look at.
# One that is blank is none.
TAKE_OVER = (
    f"""
    CREATE TEMPORARY TABLE held_titles ON COMMIT DROP AS
    SELECT name, people, {FOLD.format(word="name")} AS spelling
      FROM (SELECT job_title AS name, count(*) AS people FROM users
             WHERE job_title IS NOT NULL GROUP BY job_title) AS held
    """,  # noqa: S608  # made of constants
    "DELETE FROM held_titles WHERE spelling = ''",
    f"""
    WITH listed AS (
        INSERT INTO job_titles (name)
        SELECT (array_agg(h.name ORDER BY h.people DESC, h.name))[1] FROM held_titles h
         WHERE NOT EXISTS (SELECT FROM {MEANT}) GROUP BY h.spelling
        RETURNING id, name)
    INSERT INTO job_title_spellings (spelling, written, word_id)
    SELECT h.spelling, h.name, l.id FROM listed l JOIN held_titles h ON h.name = l.name
    """,  # noqa: S608  # made of constants
    f"""
    UPDATE users u
       SET job_title_id = word.id, revision = u.revision + (word.name <> u.job_title)::int
      FROM (SELECT h.name AS held, meant.id, meant.name
              FROM held_titles h
             CROSS JOIN LATERAL (
                   SELECT t.id, t.name FROM {MEANT}
                    ORDER BY t.name = h.name DESC, s.written = h.name DESC NULLS LAST, t.id
                    LIMIT 1) AS meant) AS word
     WHERE u.job_title = word.held
    """,  # noqa: S608  # made of constants
    "DROP TABLE held_titles",
)


def upgrade() -> None:
    op.add_column("users", sa.Column("job_title_id", sa.Uuid(), nullable=True))
    op.create_index("ix_users_job_title_id", "users", ["job_title_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_users_job_title_id"), "users", "job_titles", ["job_title_id"], ["id"]
    )
    for statement in TAKE_OVER:
        op.execute(statement)
    op.execute("DROP TRIGGER record_employment ON users")
    op.drop_column("users", "job_title")
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION issue_training_record(p_enrollment uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
        total_seconds bigint;
    BEGIN
        SELECT * INTO enrolled FROM enrollments WHERE id = p_enrollment;
        SELECT * INTO published FROM module_versions WHERE id = enrolled.version_id;
        SELECT u.*, l.name AS location, l.time_zone, d.name AS department, t.name AS job_title INTO person
          FROM users u
          LEFT JOIN locations l ON l.id = u.location_id
          LEFT JOIN departments d ON d.id = u.department_id
          LEFT JOIN job_titles t ON t.id = u.job_title_id
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
        SELECT coalesce(sum(p.seconds_spent), 0) INTO total_seconds
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
            'minutes', total_seconds / 60,
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
            'ce_hours', credited_hours(teaching.ce_hours, total_seconds),
            'ce', CASE WHEN teaching.ce_hours IS NOT NULL THEN jsonb_build_object(
                'hours_offered', teaching.ce_hours,
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
            total_seconds / 60, body, coalesce(previous.hash, repeat('0', 64)), digest, stamp);
        INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
        VALUES (p_actor, 'training_record:issued', 'training_record', new_id,
                jsonb_build_object('user_id', enrolled.user_id, 'hash', digest), p_request_id);
        RETURN new_id;
    END $function$
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
        title text := (SELECT t.name FROM job_titles t WHERE t.id = NEW.job_title_id);
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
           (now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name, title,
            NEW.hired_on) THEN
            RETURN NULL;
        END IF;
        INSERT INTO employment_changes (
            user_id, effective_on, recorded_on, state, role, worker_kind, location_id, department,
            job_title, hired_on)
        VALUES (
            NEW.id, CASE WHEN held.id IS NULL THEN coalesce(NEW.hired_on, today) ELSE today END,
            today, now_state, NEW.role, NEW.worker_kind, NEW.location_id, department_name,
            title, NEW.hired_on);
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
                    THEN title ELSE f.job_title END,
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
    CREATE TRIGGER record_employment AFTER INSERT OR UPDATE OF is_active, role, worker_kind, location_id, department_id, job_title_id, hired_on ON users FOR EACH ROW EXECUTE FUNCTION record_employment()
    """)
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER record_employment ON users")
    op.add_column(
        "users", sa.Column("job_title", sa.VARCHAR(length=200), autoincrement=False, nullable=True)
    )
    op.execute(
        "UPDATE users u SET job_title = t.name FROM job_titles t WHERE t.id = u.job_title_id"
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
    CREATE OR REPLACE FUNCTION issue_training_record(p_enrollment uuid, p_actor uuid, p_request_id text)
     RETURNS uuid
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
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
        total_seconds bigint;
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
        SELECT coalesce(sum(p.seconds_spent), 0) INTO total_seconds
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
            'minutes', total_seconds / 60,
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
            'ce_hours', credited_hours(teaching.ce_hours, total_seconds),
            'ce', CASE WHEN teaching.ce_hours IS NOT NULL THEN jsonb_build_object(
                'hours_offered', teaching.ce_hours,
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
            total_seconds / 60, body, coalesce(previous.hash, repeat('0', 64)), digest, stamp);
        INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
        VALUES (p_actor, 'training_record:issued', 'training_record', new_id,
                jsonb_build_object('user_id', enrolled.user_id, 'hash', digest), p_request_id);
        RETURN new_id;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER record_employment AFTER INSERT OR UPDATE OF is_active, role, worker_kind, location_id, department_id, job_title, hired_on ON users FOR EACH ROW EXECUTE FUNCTION record_employment()
    """)
    )
    op.drop_constraint(op.f("fk_users_job_title_id"), "users", type_="foreignkey")
    op.drop_index("ix_users_job_title_id", table_name="users")
    op.drop_column("users", "job_title_id")
