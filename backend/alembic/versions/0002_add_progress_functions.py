"""Add the progress and evidence functions, the evidence triggers and the search indexes.

Progress lives in the database because it must lock, recompute and complete in one round trip: a
single SQL statement would compute the percentage from a snapshot older than its lock.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

from app.core.postgres.table_security import refuse_changes

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

EVIDENCE = (
    "answer_keys",
    "audit_events",
    "module_versions",
    "record_seals",
    "sealed_records",
    "signatures",
    "training_records",
    "version_sections",
)

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

RFC3339 = """
CREATE FUNCTION rfc3339(instant timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_char(instant AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
"""

# The caller holds the lock on the enrollment. The lock on the person's row makes completions of
# one person queue for the next link of the chain; different people never wait for each other.
ISSUE_TRAINING_RECORD = """
CREATE FUNCTION issue_training_record(
    p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    enrolled enrollments;
    published module_versions;
    person record;
    previous record;
    quiz record;
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
        'full_name', person.full_name, 'email', person.email, 'job_title', person.job_title,
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
        'delivery_method', 'self_paced_online',
        'instructors', '[]'::jsonb,
        'ce_hours', NULL)::text;
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

# The caller holds the lock on the enrollment and checked the section's own rule.
COMPLETE_SECTION = """
CREATE FUNCTION complete_section(
    p_enrollment uuid, p_section uuid, p_actor uuid, p_request_id text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    stamp timestamptz := clock_timestamp();
    done bigint;
    total bigint;
BEGIN
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, completed_at, updated_at)
    VALUES (p_enrollment, p_section, 'completed', 0, 0, stamp, stamp)
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET state = 'completed', completed_at = stamp, updated_at = stamp
     WHERE p.state <> 'completed';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'section:completed', 'enrollment', p_enrollment,
            jsonb_build_object('section_id', p_section), p_request_id);
    SELECT count(*), count(p.completed_at) INTO total, done
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id AND s.required
      LEFT JOIN section_progress p
        ON p.enrollment_id = e.id AND p.section_id = s.section_id
     WHERE e.id = p_enrollment;
    UPDATE enrollments
       SET progress_percent = 100 * done / total,
           status = CASE WHEN done = total THEN 'completed' ELSE status END,
           completed_at = CASE WHEN done = total THEN stamp END,
           updated_at = stamp
     WHERE id = p_enrollment;
    IF done = total THEN
        INSERT INTO audit_events (actor_id, action, target_type, target_id, request_id)
        VALUES (p_actor, 'enrollment:completed', 'enrollment', p_enrollment, p_request_id);
        PERFORM issue_training_record(p_enrollment, p_actor, p_request_id);
    END IF;
END $$
"""

SECTION_STATE = """
CREATE FUNCTION section_state(p_enrollment uuid, p_section uuid) RETURNS jsonb
LANGUAGE sql STABLE
RETURN (
    SELECT jsonb_build_object(
        'section', jsonb_build_object(
            'section_id', s.section_id, 'title', s.title, 'kind', s.kind, 'required', s.required,
            'state', coalesce(p.state, 'not_started'),
            'seconds_spent', coalesce(p.seconds_spent, 0), 'position', coalesce(p.position, 0),
            'completed_at', rfc3339(p.completed_at)),
        'enrollment', jsonb_build_object(
            'status', e.status, 'progress_percent', e.progress_percent,
            'completed_at', rfc3339(e.completed_at)))
      FROM enrollments e
      JOIN version_sections s ON s.version_id = e.version_id AND s.section_id = p_section
      LEFT JOIN section_progress p ON p.enrollment_id = e.id AND p.section_id = s.section_id
     WHERE e.id = p_enrollment)
"""

# Monotonic and replayable: nothing here ever takes away. Study time is credited for at most the
# time that has passed since the last report of this enrollment, in whatever section that was.
REPORT_PROGRESS = """
CREATE FUNCTION report_progress(
    p_enrollment uuid, p_user uuid, p_section uuid, p_seconds integer,
    p_position double precision, p_completed boolean, p_request_id text
) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    enrolled enrollments;
    rule version_sections;
    known section_progress;
    since timestamptz;
    elapsed integer;
    credited integer;
BEGIN
    SELECT * INTO enrolled FROM enrollments
     WHERE id = p_enrollment AND user_id = p_user FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'enrollment_not_found');
    END IF;
    SELECT * INTO rule FROM version_sections
     WHERE version_id = enrolled.version_id AND section_id = p_section;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('error', 'section_not_found');
    ELSIF rule.kind = 'quiz' THEN
        RETURN jsonb_build_object('error', 'quiz_decides');
    END IF;
    SELECT * INTO known FROM section_progress
     WHERE enrollment_id = p_enrollment AND section_id = p_section;
    IF enrolled.status = 'completed' OR known.state = 'completed' THEN
        -- A late or repeated report: whatever it says is already true or comes too late.
        RETURN section_state(p_enrollment, p_section);
    ELSIF enrolled.status <> 'active' THEN
        RETURN jsonb_build_object('error', 'enrollment_closed');
    ELSIF p_completed AND rule.kind = 'acknowledgement' THEN
        RETURN jsonb_build_object('error', 'signature_required');
    ELSIF p_completed AND rule.kind = 'live_session' THEN
        RETURN jsonb_build_object('error', 'attendance_required');
    END IF;
    since := coalesce(enrolled.reported_at, enrolled.enrolled_at);
    elapsed := greatest(floor(extract(epoch FROM clock_timestamp() - since)), 0);
    credited := greatest(least(p_seconds, coalesce(known.seconds_spent, 0) + elapsed),
                         coalesce(known.seconds_spent, 0));
    INSERT INTO section_progress AS p (
        enrollment_id, section_id, state, seconds_spent, position, updated_at)
    VALUES (p_enrollment, p_section, 'in_progress', credited, p_position, clock_timestamp())
    ON CONFLICT (enrollment_id, section_id) DO UPDATE
       SET seconds_spent = excluded.seconds_spent,
           position = greatest(p.position, excluded.position),
           updated_at = excluded.updated_at;
    -- Whole seconds only, so that frequent reports do not lose their fractions.
    UPDATE enrollments SET reported_at = since + make_interval(secs => elapsed)
     WHERE id = p_enrollment;
    IF p_completed AND credited >= rule.minimum_seconds
       AND greatest(p_position, known.position) >= rule.minimum_position THEN
        PERFORM complete_section(p_enrollment, p_section, p_user, p_request_id);
    END IF;
    RETURN section_state(p_enrollment, p_section);
END $$
"""

FUNCTIONS = {
    "refuse_change()": REFUSE_CHANGE,
    "rfc3339(timestamptz)": RFC3339,
    "issue_training_record(uuid, uuid, text)": ISSUE_TRAINING_RECORD,
    "complete_section(uuid, uuid, uuid, text)": COMPLETE_SECTION,
    "section_state(uuid, uuid)": SECTION_STATE,
    "report_progress(uuid, uuid, uuid, integer, double precision, boolean, text)": REPORT_PROGRESS,
}

SEARCHED = ("training_modules", "module_versions")


def upgrade() -> None:
    for definition in FUNCTIONS.values():
        op.execute(definition)
    for table in EVIDENCE:
        for statement in refuse_changes(table):
            op.execute(statement)
    for table in SEARCHED:
        op.execute(
            f"CREATE INDEX ix_{table}_search ON {table} USING gin (("
            "to_tsvector('english', title || ' ' || summary || ' ' || coalesce(category, ''))"
            " || to_tsvector('english', tags)))"
        )


def downgrade() -> None:
    for table in SEARCHED:
        op.execute(f"DROP INDEX ix_{table}_search")
    for table in EVIDENCE:
        op.execute(f"DROP TRIGGER refuse_change ON {table}")
        op.execute(f"DROP TRIGGER refuse_truncate ON {table}")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
