"""Add training done elsewhere, live sessions, CE settings, legal holds and erasure.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from app.core.postgres.table_security import (
    API_ROLE,
    APPEND_ONLY,
    MUTABLE,
    PUBLIC_ROLES,
    protect_function,
    protect_table,
    refuse_changes,
)

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

READ_ONLY = "SELECT"
KEPT = "SELECT, INSERT, UPDATE"

GRANTS = {
    "external_trainings": KEPT,
    "live_sessions": KEPT,
    "live_session_attendances": MUTABLE,
    "live_session_questions": APPEND_ONLY,
    "module_teachings": MUTABLE,
    "legal_holds": KEPT,
    "retention_periods": KEPT,
    "erasures": READ_ONLY,
    "erased_records": READ_ONLY,
}

EVIDENCE = ("live_session_questions", "erasures", "erased_records")

# A tombstone written in this very transaction is the permission to erase the person's rows. Only
# erase_person() writes one, and only the owner of the schema may call that.
ERASED_NOW = """
CREATE FUNCTION erased_now(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM erasures
         WHERE user_id = p_user AND transaction_id = pg_current_xact_id()::text::bigint)
$$
"""

# Takes the place of refuse_change() on tables with rows of a person. Its argument names the
# column with the person's id.
REFUSE_UNLESS_ERASED = """
CREATE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF erased_now((to_jsonb(OLD) ->> TG_ARGV[0])::uuid) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""

# For rows that are edited until they are settled: the argument is the status before that.
REFUSE_SETTLED_CHANGE = """
CREATE FUNCTION refuse_settled_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (to_jsonb(OLD) ->> 'status' = TG_ARGV[0]
                             OR erased_now((to_jsonb(OLD) ->> 'user_id')::uuid)) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'this row of % is settled', TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
END $$
"""

REFUSE_CLOSED_ROSTER = """
CREATE FUNCTION refuse_closed_roster() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    line live_session_attendances := CASE TG_OP WHEN 'INSERT' THEN NEW ELSE OLD END;
BEGIN
    IF (SELECT s.status FROM live_sessions s WHERE s.id = line.session_id) <> 'scheduled'
       AND NOT (TG_OP = 'UPDATE' AND erased_now(line.user_id)) THEN
        RAISE EXCEPTION 'the roster of this session is closed'
              USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$
"""

# As in 0002, with the instructors, the way of delivery and the CE hours.
ISSUE_TRAINING_RECORD = """
CREATE OR REPLACE FUNCTION issue_training_record(
    p_enrollment uuid, p_actor uuid, p_request_id text
) RETURNS uuid LANGUAGE plpgsql AS $$
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
                   AND v.kind IN ('text', 'video', 'document', 'link')) THEN 'blended'
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

# The caller decided that the clock has run out, by domain/retention.py; this repeats what no
# setting may shorten. The row lock on the person makes it wait for a hold that is being placed.
ERASE_PERSON = """
CREATE FUNCTION erase_person(p_user uuid, p_pseudonym text, p_kept_through date) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
       SET user_snapshot = NULL, notes = NULL, evidence_reference = NULL, review_reason = NULL
     WHERE user_id = p_user;
    UPDATE live_session_attendances SET full_name = NULL, job_title = NULL WHERE user_id = p_user;
    UPDATE legal_holds SET reason = 'erased' WHERE user_id = p_user;
    UPDATE audit_events SET before = NULL, after = NULL
     WHERE target_type = 'user' AND target_id = p_user;
    UPDATE users
       SET full_name = p_pseudonym, email = p_pseudonym || '@erased.invalid', supabase_id = NULL,
           email_confirmed = false, last_sign_in = NULL, profile_metadata = '{}',
           manager_id = NULL, revision = revision + 1, updated_at = clock_timestamp()
     WHERE id = p_user;
    INSERT INTO audit_events (action, target_type, target_id, after)
    VALUES ('user:erased', 'user', p_user, jsonb_build_object(
        'pseudonym', p_pseudonym, 'kept_through', p_kept_through,
        'record_count', chain.records, 'last_hash', chain.last_hash));
    RETURN tombstone;
END $$
"""

FUNCTIONS = {
    "erased_now(uuid)": ERASED_NOW,
    "refuse_unless_erased()": REFUSE_UNLESS_ERASED,
    "refuse_settled_change()": REFUSE_SETTLED_CHANGE,
    "refuse_closed_roster()": REFUSE_CLOSED_ROSTER,
}
ERASE_SIGNATURE = "erase_person(uuid, text, date)"

# Evidence that erasure must reach, with the column of the person.
PERSONAL = {"training_records": "user_id", "signatures": "user_id", "audit_events": "target_id"}

# On Supabase its service role gets every new function of the schema.
REVOKE_FROM_SERVICE_ROLE = f"""
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        REVOKE ALL ON FUNCTION {ERASE_SIGNATURE} FROM service_role;
    END IF;
END $$
"""  # noqa: S608  # only constants are put in

TRIGGERS = {
    "external_trainings": "BEFORE UPDATE OR DELETE",
    "live_sessions": "BEFORE UPDATE OR DELETE",
    "live_session_attendances": "BEFORE INSERT OR UPDATE OR DELETE",
}
TRIGGER_FUNCTIONS = {
    "external_trainings": "refuse_settled_change('pending')",
    "live_sessions": "refuse_settled_change('scheduled')",
    "live_session_attendances": "refuse_closed_roster()",
}


def upgrade() -> None:
    _create_tables()
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)
    for table, grants in GRANTS.items():
        for statement in protect_table(table, grants):
            op.execute(statement)
    for table in EVIDENCE:
        for statement in refuse_changes(table):
            op.execute(statement)
    for table, event in TRIGGERS.items():
        op.execute(
            f"CREATE TRIGGER refuse_change {event} ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {TRIGGER_FUNCTIONS[table]}"
        )
    for table, column in PERSONAL.items():
        _refuse_with(table, f"refuse_unless_erased('{column}')")
    op.execute(ISSUE_TRAINING_RECORD)
    op.execute(ERASE_PERSON)
    nobody = ", ".join(("PUBLIC", API_ROLE, *PUBLIC_ROLES))
    op.execute(f"REVOKE ALL ON FUNCTION {ERASE_SIGNATURE} FROM {nobody}")
    op.execute(REVOKE_FROM_SERVICE_ROLE)


def _refuse_with(table: str, function: str) -> None:
    op.execute(f"DROP TRIGGER refuse_change ON {table}")
    op.execute(
        f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {function}"
    )


def downgrade() -> None:
    first = context.script.get_revision("0002").module
    op.execute(first.ISSUE_TRAINING_RECORD.replace("CREATE", "CREATE OR REPLACE", 1))
    for table in PERSONAL:
        _refuse_with(table, "refuse_change()")
    op.execute(f"DROP FUNCTION {ERASE_SIGNATURE}")
    # Revision 0024 leaves it when it is taken back.
    op.drop_table("erased_evidence", if_exists=True)
    op.drop_table("erased_records")
    for table in reversed(tuple(GRANTS)):
        if table != "erased_records":
            op.drop_table(table)
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")


def _create_tables() -> None:

    op.create_table(
        "retention_periods",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column(
            "retention_class",
            sa.Enum(
                "standard",
                "osha_bloodborne",
                "hipaa",
                name="retention_class",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("years", sa.SmallInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("years BETWEEN 1 AND 100", name=op.f("ck_retention_periods_years")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_periods")),
        sa.UniqueConstraint("retention_class", name=op.f("uq_retention_periods_retention_class")),
    )
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("pseudonym", sa.String(length=64), nullable=False),
        sa.Column("kept_through", sa.Date(), nullable=False),
        sa.Column("record_count", sa.Integer(), nullable=False),
        sa.Column("last_hash", sa.String(length=64), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_erasures_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasures")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_erasures_pseudonym")),
        sa.UniqueConstraint("user_id", name=op.f("uq_erasures_user_id")),
    )
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("placed_by_id", sa.Uuid(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(released_at IS NULL) = (released_by_id IS NULL)", name=op.f("ck_legal_holds_released")
        ),
        sa.ForeignKeyConstraint(
            ["placed_by_id"], ["users.id"], name=op.f("fk_legal_holds_placed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["users.id"], name=op.f("fk_legal_holds_released_by_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_legal_holds_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_holds")),
    )
    op.create_index("ix_legal_holds_user_id", "legal_holds", ["user_id", "id"], unique=False)
    op.create_table(
        "erased_records",
        sa.Column("record_id", sa.Uuid(), nullable=False),
        sa.Column("erasure_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["erasure_id"], ["erasures.id"], name=op.f("fk_erased_records_erasure_id")
        ),
        sa.PrimaryKeyConstraint("record_id", name=op.f("pk_erased_records")),
    )
    op.create_index(
        op.f("ix_erased_records_erasure_id"), "erased_records", ["erasure_id"], unique=False
    )
    op.create_table(
        "external_trainings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("entered_by_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(length=200), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("instructor_name", sa.String(length=200), nullable=True),
        sa.Column("instructor_qualification", sa.String(length=200), nullable=True),
        sa.Column("completed_on", sa.Date(), nullable=False),
        sa.Column("hours", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=True),
        sa.Column("credential_kind", sa.String(length=200), nullable=True),
        sa.Column("printed_expiry", sa.Date(), nullable=True),
        sa.Column("evidence_reference", sa.String(length=500), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("provider_number", sa.String(length=100), nullable=True),
        sa.Column("ce_category", sa.String(length=100), nullable=True),
        sa.Column(
            "ce_delivery",
            sa.Enum(
                "live",
                "live_online",
                "self_study",
                name="ce_delivery",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "verified",
                "rejected",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="pending",
            nullable=False,
        ),
        sa.Column("reviewed_by_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_reason", sa.Text(), nullable=True),
        sa.Column(
            "user_snapshot",
            postgresql.JSONB(),
            nullable=True,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'pending') = (reviewed_at IS NULL)"
            " AND (status = 'pending') = (reviewed_by_id IS NULL)",
            name=op.f("ck_external_trainings_reviewed"),
        ),
        sa.CheckConstraint(
            "(module_id IS NULL) <> (credential_kind IS NULL)",
            name=op.f("ck_external_trainings_kind"),
        ),
        sa.CheckConstraint("hours >= 0", name=op.f("ck_external_trainings_hours")),
        sa.CheckConstraint(
            "num_nulls(provider_number, ce_category, ce_delivery) IN (0, 3)",
            name=op.f("ck_external_trainings_ce"),
        ),
        sa.CheckConstraint(
            "printed_expiry IS NULL OR credential_kind IS NOT NULL",
            name=op.f("ck_external_trainings_expiry"),
        ),
        sa.CheckConstraint(
            "reviewed_by_id <> user_id AND reviewed_by_id <> entered_by_id",
            name=op.f("ck_external_trainings_second_person"),
        ),
        sa.ForeignKeyConstraint(
            ["entered_by_id"], ["users.id"], name=op.f("fk_external_trainings_entered_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["module_id"], ["training_modules.id"], name=op.f("fk_external_trainings_module_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by_id"], ["users.id"], name=op.f("fk_external_trainings_reviewed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_external_trainings_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_external_trainings")),
    )
    op.create_index(
        "ix_external_trainings_module_id", "external_trainings", ["module_id"], unique=False
    )
    op.create_index(
        "ix_external_trainings_user_id",
        "external_trainings",
        ["user_id", sa.literal_column("completed_on DESC"), "id"],
        unique=False,
    )
    op.create_table(
        "live_sessions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column(
            "mode",
            sa.Enum(
                "in_person",
                "online",
                name="mode",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("place", sa.String(length=200), nullable=True),
        sa.Column("instructor_name", sa.String(length=200), nullable=False),
        sa.Column("instructor_qualification", sa.String(length=200), nullable=False),
        sa.Column("instructor_id", sa.Uuid(), nullable=True),
        sa.Column("created_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled",
                "closed",
                "cancelled",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="scheduled",
            nullable=False,
        ),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_live_sessions_closed_at")
        ),
        sa.CheckConstraint(
            "duration_minutes BETWEEN 1 AND 1440", name=op.f("ck_live_sessions_duration_minutes")
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_id"], ["users.id"], name=op.f("fk_live_sessions_closed_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_live_sessions_created_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["instructor_id"], ["users.id"], name=op.f("fk_live_sessions_instructor_id")
        ),
        sa.ForeignKeyConstraint(
            ["module_id"], ["training_modules.id"], name=op.f("fk_live_sessions_module_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_sessions")),
    )
    op.create_index("ix_live_sessions_module_id", "live_sessions", ["module_id"], unique=False)
    op.create_index(
        "ix_live_sessions_starts_at",
        "live_sessions",
        [sa.literal_column("starts_at DESC"), "id"],
        unique=False,
    )
    op.create_table(
        "module_teachings",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.Column("contact_name", sa.String(length=200), nullable=True),
        sa.Column("contact_qualification", sa.String(length=200), nullable=True),
        sa.Column("ce_provider_name", sa.String(length=200), nullable=True),
        sa.Column("ce_provider_number", sa.String(length=100), nullable=True),
        sa.Column("ce_hours", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("ce_category", sa.String(length=100), nullable=True),
        sa.Column(
            "ce_delivery",
            sa.Enum(
                "live",
                "live_online",
                "self_study",
                name="ce_delivery",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "retention_class",
            sa.Enum(
                "standard",
                "osha_bloodborne",
                "hipaa",
                name="retention_class",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("ce_hours > 0", name=op.f("ck_module_teachings_ce_hours")),
        sa.CheckConstraint(
            "num_nulls(ce_provider_name, ce_provider_number, ce_hours, ce_category, ce_delivery)"
            " IN (0, 5)",
            name=op.f("ck_module_teachings_ce"),
        ),
        sa.CheckConstraint(
            "num_nulls(contact_name, contact_qualification) IN (0, 2)",
            name=op.f("ck_module_teachings_contact"),
        ),
        sa.ForeignKeyConstraint(
            ["module_id"], ["training_modules.id"], name=op.f("fk_module_teachings_module_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_module_teachings")),
        sa.UniqueConstraint("module_id", name=op.f("uq_module_teachings_module_id")),
    )
    op.create_table(
        "live_session_attendances",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "registered",
                "attended",
                "absent",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="registered",
            nullable=False,
        ),
        sa.Column("marked_by_id", sa.Uuid(), nullable=True),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("full_name", sa.String(length=200), nullable=True),
        sa.Column("job_title", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(
            ["marked_by_id"], ["users.id"], name=op.f("fk_live_session_attendances_marked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["live_sessions.id"],
            name=op.f("fk_live_session_attendances_session_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_live_session_attendances_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_session_attendances")),
        sa.UniqueConstraint(
            "session_id", "user_id", name=op.f("uq_live_session_attendances_session_id_user_id")
        ),
    )
    op.create_index(
        op.f("ix_live_session_attendances_user_id"),
        "live_session_attendances",
        ["user_id"],
        unique=False,
    )
    op.create_table(
        "live_session_questions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["users.id"], name=op.f("fk_live_session_questions_recorded_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["live_sessions.id"], name=op.f("fk_live_session_questions_session_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_live_session_questions_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_live_session_questions")),
    )
    op.create_index(
        op.f("ix_live_session_questions_session_id"),
        "live_session_questions",
        ["session_id"],
        unique=False,
    )
