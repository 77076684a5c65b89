"""Refuse evidence without a source, changes of names without an event, and late parts of versions.

The next revision takes away the rights that are not needed any more.

Revision ID: 0036
Revises: 0035
"""

from textwrap import dedent

from alembic import op

revision: str = "0036"
down_revision: str | None = "0035"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

DEFAULTS = (
    ("section_progress", "state", "'in_progress'"),
    ("section_progress", "seconds_spent", "0"),
    ("section_progress", "position", "0"),
    ("quiz_attempts", "state", "'open'"),
)


def upgrade() -> None:
    for table, column, value in DEFAULTS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}")
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
          JOIN users u ON u.id = e.user_id AND u.is_active
         WHERE s.id = p_session AND s.status = 'closed' AND e.id = p_enrollment
           AND e.completed_at > now() - interval '90 days'
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
    CREATE OR REPLACE FUNCTION record_events(p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[], p_after jsonb[])
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF p_actions && ARRAY['attempt:graded', 'enrollment:completed', 'record_seal:created',
                              'section:acknowledged', 'section:completed', 'training_record:corrected',
                              'training_record:issued', 'user:erased'] THEN
            RAISE EXCEPTION 'only the function that does this may say so'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
               p_request_id
          FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
        RETURN coalesce(cardinality(p_targets), 0);
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_closed_roster()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF EXISTS (SELECT FROM live_sessions s
                    WHERE s.id IN (OLD.session_id, NEW.session_id) AND s.status <> 'scheduled')
           AND NOT (TG_OP = 'UPDATE' AND erased_now(OLD.user_id)) THEN
            RAISE EXCEPTION 'the roster of this session is closed'
                  USING ERRCODE = 'restrict_violation';
        ELSIF NEW.marked_by_id = NEW.user_id
              AND (TG_OP = 'INSERT' OR OLD.marked_by_id IS DISTINCT FROM NEW.marked_by_id) THEN
            RAISE EXCEPTION 'nobody marks their own attendance' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_late_part()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF EXISTS (SELECT FROM module_versions v
                    WHERE v.id = NEW.version_id AND v.created_at < now()) THEN
            RAISE EXCEPTION 'this version is published already' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_other_start()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF NEW.started_at NOT BETWEEN now() AND clock_timestamp() THEN
            RAISE EXCEPTION 'attempts start now, not at another time'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_other_start BEFORE INSERT ON quiz_attempts FOR EACH ROW EXECUTE FUNCTION refuse_other_start()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_unfounded_evidence()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF abs(NEW.recorded_on - (clock_timestamp() AT TIME ZONE 'UTC')::date) <= 1 AND (EXISTS (
            SELECT FROM external_trainings t
             WHERE t.id = NEW.id AND t.status = 'verified'
               AND (t.user_id, t.completed_on, t.module_id, t.credential_kind, t.printed_expiry)
                   IS NOT DISTINCT FROM
                   (NEW.user_id, NEW.day, NEW.module_id, NEW.credential_kind, NEW.printed_expiry)
        ) OR EXISTS (
            SELECT FROM live_session_attendances a JOIN live_sessions s ON s.id = a.session_id
             WHERE a.id = NEW.id AND a.user_id = NEW.user_id AND a.status = 'attended'
               AND s.status = 'closed' AND s.module_id = NEW.module_id
               AND abs(NEW.day - (s.starts_at AT TIME ZONE 'UTC')::date) <= 1)) THEN
            RETURN NEW;
        END IF;
        RAISE EXCEPTION 'nothing verified stands behind this' USING ERRCODE = 'restrict_violation';
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_unheld_class()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF NEW.starts_at < now() - interval '14 days'
           AND (TG_OP = 'INSERT' OR NEW.starts_at <> OLD.starts_at) THEN
            RAISE EXCEPTION 'this class was held too long ago' USING ERRCODE = 'restrict_violation';
        ELSIF NEW.status = 'closed' AND NEW.starts_at > clock_timestamp() THEN
            RAISE EXCEPTION 'this class is still to come' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_untold_name()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        IF NOT EXISTS (SELECT FROM audit_events e
                        WHERE e.target_id = NEW.id AND e.target_type = 'user'
                          AND e.created_at >= now()) THEN
            RAISE EXCEPTION 'no event tells of this change of name'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NULL;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION regrade_attempt(p_attempt uuid, p_correction uuid, p_points numeric, p_max_points numeric, p_score_percent numeric, p_passed boolean, p_kept_pass boolean, p_grades jsonb)
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        made integer;
    BEGIN
        UPDATE quiz_attempts a
           SET points = p_points, max_points = p_max_points, score_percent = p_score_percent,
               passed = p_passed, grades = p_grades, updated_at = clock_timestamp()
          FROM quiz_corrections c
         WHERE a.id = p_attempt AND a.state = 'graded' AND c.id = p_correction
           AND c.version_id = a.version_id AND c.section_id = a.section_id;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'this correction is not about that attempt'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        INSERT INTO attempt_results (
            attempt_id, revision, correction_id, points, max_points, score_percent, passed, kept_pass,
            grades)
        SELECT p_attempt, max(r.revision) + 1, p_correction, p_points, p_max_points, p_score_percent,
               p_passed, p_kept_pass, p_grades
          FROM attempt_results r WHERE r.attempt_id = p_attempt
        RETURNING revision INTO made;
        RETURN made;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_late_part BEFORE INSERT ON answer_keys FOR EACH ROW EXECUTE FUNCTION refuse_late_part()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_unfounded_evidence BEFORE INSERT ON evidence_elsewhere FOR EACH ROW EXECUTE FUNCTION refuse_unfounded_evidence()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_unheld_class BEFORE INSERT OR UPDATE ON live_sessions FOR EACH ROW EXECUTE FUNCTION refuse_unheld_class()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE CONSTRAINT TRIGGER refuse_untold_name AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (
            CASE
                WHEN old.name_confirmed THEN old.full_name
                ELSE old.previous_name
            END::text IS DISTINCT FROM
            CASE
                WHEN new.name_confirmed THEN new.full_name
                ELSE new.previous_name
            END::text OR old.name_aliases IS DISTINCT FROM new.name_aliases) EXECUTE FUNCTION refuse_untold_name()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_late_part BEFORE INSERT ON version_media FOR EACH ROW EXECUTE FUNCTION refuse_late_part()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE TRIGGER refuse_late_part BEFORE INSERT ON version_sections FOR EACH ROW EXECUTE FUNCTION refuse_late_part()
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE answer_keys ENABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE evidence_elsewhere ENABLE TRIGGER refuse_unfounded_evidence
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE live_sessions ENABLE TRIGGER refuse_unheld_class
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE users ENABLE TRIGGER refuse_untold_name
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE version_media ENABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE version_sections ENABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    GRANT EXECUTE ON FUNCTION regrade_attempt(uuid,uuid,numeric,numeric,numeric,boolean,boolean,jsonb) TO training_api
    """)
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER refuse_other_start ON quiz_attempts")
    op.execute("DROP FUNCTION refuse_other_start()")
    op.execute(
        dedent(r"""
    REVOKE ALL ON FUNCTION regrade_attempt(uuid,uuid,numeric,numeric,numeric,boolean,boolean,jsonb) FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE version_sections DISABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE version_media DISABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE users DISABLE TRIGGER refuse_untold_name
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE live_sessions DISABLE TRIGGER refuse_unheld_class
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE evidence_elsewhere DISABLE TRIGGER refuse_unfounded_evidence
    """)
    )
    op.execute(
        dedent(r"""
    ALTER TABLE answer_keys DISABLE TRIGGER refuse_late_part
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_late_part ON version_sections
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_late_part ON version_media
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_untold_name ON users
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_unheld_class ON live_sessions
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_unfounded_evidence ON evidence_elsewhere
    """)
    )
    op.execute(
        dedent(r"""
    DROP TRIGGER refuse_late_part ON answer_keys
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION regrade_attempt(uuid,uuid,numeric,numeric,numeric,boolean,boolean,jsonb)
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION refuse_untold_name()
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION refuse_unheld_class()
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION refuse_unfounded_evidence()
    """)
    )
    op.execute(
        dedent(r"""
    DROP FUNCTION refuse_late_part()
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION refuse_closed_roster()
     RETURNS trigger
     LANGUAGE plpgsql
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    DECLARE
        line live_session_attendances := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
    BEGIN
        IF (SELECT s.status FROM live_sessions s WHERE s.id = line.session_id) <> 'scheduled'
           AND NOT (TG_OP = 'UPDATE' AND erased_now(line.user_id)) THEN
            RAISE EXCEPTION 'the roster of this session is closed'
                  USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END $function$
    """)
    )
    op.execute(
        dedent(r"""
    CREATE OR REPLACE FUNCTION record_events(p_actor uuid, p_request_id text, p_actions text[], p_targets uuid[], p_before jsonb[], p_after jsonb[])
     RETURNS integer
     LANGUAGE plpgsql
     SECURITY DEFINER
     SET search_path TO 'pg_catalog', 'public', 'pg_temp'
    AS $function$
    BEGIN
        INSERT INTO audit_events (actor_id, action, target_type, target_id, before, after, request_id)
        SELECT p_actor, e.action, split_part(e.action, ':', 1), e.target, e.before, e.after,
               p_request_id
          FROM unnest(p_actions, p_targets, p_before, p_after) AS e (action, target, before, after);
        RETURN coalesce(cardinality(p_targets), 0);
    END $function$
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
    for table, column, _ in DEFAULTS:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT")
