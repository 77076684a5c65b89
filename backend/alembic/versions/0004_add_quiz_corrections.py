"""Add results of attempts, corrections of published answer keys, and the functions that grade.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.postgres.table_security import (
    APPEND_ONLY,
    protect_function,
    protect_table,
    refuse_changes,
)

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

TABLES = ("quiz_corrections", "attempt_results")

# Whoever grades takes this lock shared, whoever corrects takes it alone, and always before any row:
# so no attempt is graded by a key that is being corrected just then, and nobody deadlocks.
LOCK_QUIZ = """
CREATE FUNCTION lock_quiz(p_version uuid, p_section uuid, p_alone boolean) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    key bigint := hashtextextended('quiz ' || p_version || ' ' || p_section, 0);
BEGIN
    IF p_alone THEN
        PERFORM pg_advisory_xact_lock(key);
    ELSE
        PERFORM pg_advisory_xact_lock_shared(key);
    END IF;
END $$
"""

# Keeps the grade of an attempt if nothing has changed since it was read: neither its state, nor
# its answers, nor the corrections, nor the time that is left. Returns NULL otherwise, holding the
# locks, so that a second try within the same transaction succeeds.
GRADE_ATTEMPT = """
CREATE FUNCTION grade_attempt(
    p_attempt uuid, p_read_answers jsonb, p_read_corrections integer, p_grace interval,
    p_answers jsonb, p_timed_out boolean, p_points numeric, p_max_points numeric,
    p_score_percent numeric, p_passed boolean, p_grades jsonb, p_actor uuid, p_request_id text
) RETURNS timestamptz LANGUAGE plpgsql AS $$
DECLARE
    tried quiz_attempts;
    enrolled enrollments;
    stamp timestamptz;
    closed timestamptz;
BEGIN
    SELECT * INTO tried FROM quiz_attempts WHERE id = p_attempt;
    PERFORM lock_quiz(tried.version_id, tried.section_id, false);
    SELECT * INTO enrolled FROM enrollments WHERE id = tried.enrollment_id FOR NO KEY UPDATE;
    SELECT * INTO tried FROM quiz_attempts WHERE id = p_attempt FOR NO KEY UPDATE;
    stamp := clock_timestamp();
    IF tried.state <> 'open' OR tried.answers <> p_read_answers
       OR p_timed_out <> coalesce(stamp > tried.expires_at + p_grace, false)
       OR p_read_corrections <> (
            SELECT count(*) FROM quiz_corrections c
             WHERE c.version_id = tried.version_id AND c.section_id = tried.section_id) THEN
        RETURN NULL;
    END IF;
    closed := CASE WHEN p_timed_out THEN tried.expires_at ELSE stamp END;
    UPDATE quiz_attempts
       SET state = 'graded', answers = p_answers, submitted_at = closed, timed_out = p_timed_out,
           answer_seconds = answer_seconds(tried.answer_seconds, p_answers, tried.started_at),
           points = p_points, max_points = p_max_points, score_percent = p_score_percent,
           passed = p_passed, grades = p_grades, updated_at = stamp
     WHERE id = p_attempt;
    INSERT INTO attempt_results (
        attempt_id, revision, points, max_points, score_percent, passed, grades)
    VALUES (p_attempt, 0, p_points, p_max_points, p_score_percent, p_passed, p_grades);
    INSERT INTO audit_events (actor_id, action, target_type, target_id, after, request_id)
    VALUES (p_actor, 'attempt:graded', 'attempt', p_attempt,
            jsonb_build_object('enrollment_id', tried.enrollment_id, 'number', tried.number,
                               'score_percent', p_score_percent, 'passed', p_passed,
                               'timed_out', p_timed_out), p_request_id);
    IF p_passed AND enrolled.status = 'active' THEN
        PERFORM complete_section(enrolled.id, tried.section_id, p_actor, p_request_id);
    END IF;
    RETURN closed;
END $$
"""

# The time since the last save is shared by the questions that were first answered in this one, so
# that the sum of all seconds is the time of the last such save.
ANSWER_SECONDS = """
CREATE FUNCTION answer_seconds(p_known jsonb, p_answers jsonb, p_started timestamptz) RETURNS jsonb
LANGUAGE sql VOLATILE
RETURN (
    SELECT p_known || coalesce(jsonb_object_agg(fresh.id, round(greatest(0,
               extract(epoch FROM clock_timestamp() - p_started) - coalesce(
                   (SELECT sum(seconds::numeric) FROM jsonb_each_text(p_known) k(id, seconds)), 0)
           ) / fresh.number, 3)), '{}')
      FROM (SELECT id, count(*) OVER () AS number FROM jsonb_object_keys(p_answers) a(id)
             WHERE NOT p_known ? id) fresh)
"""

# A correction repeats the record that it corrects, the person and the time included, with the
# results as they are now. Nothing is written where they are what the record says already.
CORRECT_TRAINING_RECORD = """
CREATE FUNCTION correct_training_record(
    p_enrollment uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql AS $$
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

# After regrades: a quiz that is passed now completes its section, a record that says something
# else gets its correction. The caller holds the lock on the enrollment.
SETTLE_REGRADE = """
CREATE FUNCTION settle_regrade(
    p_enrollment uuid, p_section uuid, p_correction uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM quiz_attempts a WHERE a.enrollment_id = p_enrollment
                  AND a.section_id = p_section AND a.passed)
       AND EXISTS (SELECT FROM enrollments e WHERE e.id = p_enrollment AND e.status = 'active') THEN
        PERFORM complete_section(p_enrollment, p_section, p_actor, p_request_id);
    END IF;
    RETURN correct_training_record(p_enrollment, p_correction, p_actor, p_request_id);
END $$
"""

FUNCTIONS = {
    "lock_quiz(uuid, uuid, boolean)": LOCK_QUIZ,
    "answer_seconds(jsonb, jsonb, timestamptz)": ANSWER_SECONDS,
    "grade_attempt(uuid, jsonb, integer, interval, jsonb, boolean, numeric, numeric, numeric, "
    "boolean, jsonb, uuid, text)": GRADE_ATTEMPT,
    "correct_training_record(uuid, uuid, uuid, text)": CORRECT_TRAINING_RECORD,
    "settle_regrade(uuid, uuid, uuid, uuid, text)": SETTLE_REGRADE,
}

# A graded attempt is evidence. Only its current result may follow a new row of attempt_results.
REFUSE_CHANGE_OF_GRADED = """
CREATE TRIGGER refuse_change BEFORE UPDATE ON quiz_attempts FOR EACH ROW
WHEN (OLD.state = 'graded' AND (
    NEW.state, NEW.enrollment_id, NEW.section_id, NEW.user_id, NEW.version_id, NEW.number,
    NEW.seed, NEW.snapshot, NEW.answers, NEW.answer_seconds, NEW.started_at, NEW.expires_at,
    NEW.submitted_at, NEW.timed_out, NEW.pass_mark
) IS DISTINCT FROM (
    OLD.state, OLD.enrollment_id, OLD.section_id, OLD.user_id, OLD.version_id, OLD.number,
    OLD.seed, OLD.snapshot, OLD.answers, OLD.answer_seconds, OLD.started_at, OLD.expires_at,
    OLD.submitted_at, OLD.timed_out, OLD.pass_mark))
EXECUTE FUNCTION refuse_change()
"""

JSONB = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.add_column(
        "quiz_attempts",
        sa.Column("answer_seconds", JSONB, server_default=sa.text("'{}'"), nullable=False),
    )
    _create_tables()
    op.execute(
        "INSERT INTO attempt_results "
        "(attempt_id, revision, points, max_points, score_percent, passed, grades) "
        "SELECT id, 0, points, max_points, score_percent, passed, grades "
        "FROM quiz_attempts WHERE state = 'graded'"
    )
    for table in TABLES:
        for statement in (*refuse_changes(table), *protect_table(table, APPEND_ONLY)):
            op.execute(statement)
    op.execute(REFUSE_CHANGE_OF_GRADED)
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)


def _create_tables() -> None:
    op.create_table(
        "quiz_corrections",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "accept",
                "void",
                "credit",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("answer", JSONB, nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_quiz_corrections_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["module_versions.id"], name=op.f("fk_quiz_corrections_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quiz_corrections")),
        sa.UniqueConstraint(
            "version_id",
            "section_id",
            "number",
            name=op.f("uq_quiz_corrections_version_id_section_id_number"),
        ),
    )
    op.create_table(
        "attempt_results",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("correction_id", sa.Uuid(), nullable=True),
        sa.Column("points", sa.Numeric(precision=12, scale=6), nullable=False),
        sa.Column("max_points", sa.Numeric(precision=12, scale=6), nullable=False),
        sa.Column("score_percent", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("kept_pass", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("grades", JSONB, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["quiz_attempts.id"], name=op.f("fk_attempt_results_attempt_id")
        ),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["quiz_corrections.id"],
            name=op.f("fk_attempt_results_correction_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_results")),
        sa.UniqueConstraint(
            "attempt_id", "revision", name=op.f("uq_attempt_results_attempt_id_revision")
        ),
    )


def downgrade() -> None:
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")
    op.execute("DROP TRIGGER refuse_change ON quiz_attempts")
    for table in reversed(TABLES):
        op.drop_table(table)
    op.drop_column("quiz_attempts", "answer_seconds")
