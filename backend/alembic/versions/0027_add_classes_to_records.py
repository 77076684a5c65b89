"""Write a further record for people who attend the class after completing the rest of a module.

Revision ID: 0027
Revises: 0026
"""

from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

ADD_CLASS_TO_RECORD = """
CREATE FUNCTION add_class_to_record(
    p_session uuid, p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $$
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
END $$
"""
SIGNATURE = "add_class_to_record(uuid, uuid, uuid, text)"


def upgrade() -> None:
    op.execute(ADD_CLASS_TO_RECORD)
    for statement in protect_function(SIGNATURE):
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
