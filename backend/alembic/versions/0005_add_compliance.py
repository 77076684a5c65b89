"""Add requirements, the history of employments, certification periods and the matrix.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.core.postgres.table_security import (
    APPEND_ONLY,
    MUTABLE,
    protect_function,
    protect_table,
    refuse_changes,
)

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

LOCAL_DAY = """
CREATE FUNCTION local_day(p_location uuid) RETURNS date LANGUAGE sql STABLE
RETURN (
    clock_timestamp() AT TIME ZONE
    coalesce((SELECT l.time_zone FROM locations l WHERE l.id = p_location), 'UTC'))::date
"""

# Rules are recorded under the latest of all offices' days, so that they change no office's past.
ORGANISATION_DAY = """
CREATE FUNCTION organisation_day() RETURNS date LANGUAGE sql STABLE
RETURN coalesce(
    (SELECT max((clock_timestamp() AT TIME ZONE l.time_zone)::date)
       FROM locations l WHERE l.deleted_at IS NULL),
    (clock_timestamp() AT TIME ZONE 'UTC')::date)
"""

# A trigger and not a step of each service: whoever changes a person, by whatever way, leaves the
# history that rules and reports of past days depend on. A change that takes effect on another day
# is written by the service first, and then found here as what already holds.
RECORD_EMPLOYMENT = """
CREATE FUNCTION record_employment() RETURNS trigger LANGUAGE plpgsql AS $$
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
    -- What was announced for later goes on to hold, with what is new about the person now.
    INSERT INTO employment_changes (
        user_id, effective_on, recorded_on, state, role, location_id, department, job_title,
        hired_on, note)
    SELECT NEW.id, f.effective_on, today,
           CASE WHEN NEW.is_active THEN f.state ELSE 'terminated' END,
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
END $$
"""

# The day of a closing is over everywhere once it is over at UTC-12.
KEEP_CLOSED_PERIOD = """
CREATE FUNCTION keep_closed_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.outcome <> 'open'
       AND OLD.closed_on < (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date THEN
        RAISE EXCEPTION 'certification period % is closed', OLD.id
              USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $$
"""

# Not unique: nobody who completes something waits for a reconciliation that takes a row away.
NOTE_RECORD = """
CREATE FUNCTION note_training_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO compliance_pending (user_id, module_id) VALUES (NEW.user_id, NEW.module_id);
    RETURN NULL;
END $$
"""

TRIGGERS = (
    """
    CREATE TRIGGER note_training_record AFTER INSERT ON training_records
    FOR EACH ROW EXECUTE FUNCTION note_training_record()
    """,
    """
    CREATE TRIGGER record_employment
    AFTER INSERT OR UPDATE OF is_active, role, location_id, department_id, job_title, hired_on
    ON users FOR EACH ROW EXECUTE FUNCTION record_employment()
    """,
    """
    CREATE TRIGGER keep_closed_period BEFORE UPDATE OR DELETE ON certification_periods
    FOR EACH ROW EXECUTE FUNCTION keep_closed_period()
    """,
    """
    CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON certification_periods
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)

BACKFILL = """
INSERT INTO employment_changes (
    user_id, effective_on, recorded_on, state, role, location_id, department, job_title, hired_on)
SELECT u.id, coalesce(u.hired_on, known.day), known.day,
       CASE WHEN u.is_active THEN 'active' ELSE 'terminated' END,
       u.role, u.location_id, d.name, u.job_title, u.hired_on
  FROM users u
  LEFT JOIN departments d ON d.id = u.department_id
  LEFT JOIN locations l ON l.id = u.location_id
 CROSS JOIN LATERAL (
       SELECT (u.created_at AT TIME ZONE coalesce(l.time_zone, 'UTC'))::date AS day) known
"""

FUNCTIONS = {
    "local_day(uuid)": LOCAL_DAY,
    "organisation_day()": ORGANISATION_DAY,
    "record_employment()": RECORD_EMPLOYMENT,
    "keep_closed_period()": KEEP_CLOSED_PERIOD,
    "note_training_record()": NOTE_RECORD,
}

EVIDENCE = (
    "employment_changes",
    "evidence_elsewhere",
    "evidence_withdrawals",
    "exemption_revocations",
    "exemptions",
    "requirement_versions",
)

GRANTS = {
    **dict.fromkeys(EVIDENCE, APPEND_ONLY),
    "certification_periods": MUTABLE,
    "compliance_counts": MUTABLE,
    "compliance_days": MUTABLE,
    "compliance_pending": MUTABLE,
    "compliance_segments": MUTABLE,
    "requirements": "SELECT, INSERT, UPDATE",
}


def upgrade() -> None:
    _create_tables()
    for signature, definition in FUNCTIONS.items():
        op.execute(definition)
        for statement in protect_function(signature):
            op.execute(statement)
    op.execute(BACKFILL)
    for statement in TRIGGERS:
        op.execute(statement)
    for table in EVIDENCE:
        for statement in refuse_changes(table):
            op.execute(statement)
    for table, grants in GRANTS.items():
        for statement in protect_table(table, grants):
            op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TRIGGER record_employment ON users")
    op.execute("DROP TRIGGER note_training_record ON training_records")
    op.drop_table("compliance_pending")
    op.drop_table("evidence_withdrawals")
    op.drop_table("exemption_revocations")
    op.drop_table("evidence_elsewhere")
    op.drop_table("certification_periods")
    op.drop_table("requirement_versions")
    op.drop_table("exemptions")
    op.drop_table("employment_changes")
    op.drop_table("compliance_segments")
    op.drop_table("compliance_counts")
    op.drop_table("requirements")
    op.drop_table("compliance_days")
    for signature in reversed(FUNCTIONS):
        op.execute(f"DROP FUNCTION {signature}")


def _create_tables() -> None:
    op.create_table(
        "compliance_days",
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_compliance_days")),
    )
    op.create_table(
        "requirements",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("origin", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("reconciled_version", sa.Integer(), server_default=sa.text("0"), nullable=False),
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
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirements")),
        sa.UniqueConstraint("origin", name=op.f("uq_requirements_origin")),
    )
    op.create_index(
        "uq_requirements_title_live",
        "requirements",
        [sa.literal_column("lower(title)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
        sqlite_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "compliance_counts",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "dimension",
            sa.Enum(
                "location",
                "department",
                "job_title",
                name="dimension",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("key", sa.String(length=200), nullable=True),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "not_required",
                "exempt",
                "compliant",
                "due_soon",
                "due",
                "overdue",
                "expired",
                "never_trained",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["day"],
            ["compliance_days.day"],
            name=op.f("fk_compliance_counts_day"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_compliance_counts_requirement_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_counts")),
    )
    op.create_index(
        "ix_compliance_counts_day",
        "compliance_counts",
        ["day", "dimension"],
        unique=False,
        postgresql_include=["key", "requirement_id", "status", "people"],
    )
    op.create_table(
        "compliance_segments",
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "not_required",
                "exempt",
                "compliant",
                "due_soon",
                "due",
                "overdue",
                "expired",
                "never_trained",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("valid_through", sa.Date(), nullable=True),
        sa.Column("met_by", sa.Uuid(), nullable=True),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("department", sa.String(length=200), nullable=True),
        sa.Column("job_title", sa.String(length=200), nullable=True),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_compliance_segments_ends_on")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_compliance_segments_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_compliance_segments_requirement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_compliance_segments_user_id")
        ),
        sa.PrimaryKeyConstraint(
            "user_id", "requirement_id", "starts_on", name=op.f("pk_compliance_segments")
        ),
    )
    op.create_index(
        "ix_compliance_segments_as_of",
        "compliance_segments",
        ["ends_on", "starts_on"],
        unique=False,
        postgresql_include=["requirement_id", "status", "location_id"],
    )
    op.create_index(
        "ix_compliance_segments_requirement_id",
        "compliance_segments",
        ["requirement_id", "ends_on"],
        unique=False,
    )
    op.create_table(
        "employment_changes",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "active",
                "leave",
                "terminated",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "role",
            sa.Enum(
                "learner",
                "manager",
                "author",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("department", sa.String(length=200), nullable=True),
        sa.Column("job_title", sa.String(length=200), nullable=True),
        sa.Column("hired_on", sa.Date(), nullable=True),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(length=500), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_employment_changes_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["users.id"], name=op.f("fk_employment_changes_recorded_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_employment_changes_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employment_changes")),
    )
    op.create_index(
        "ix_employment_changes_user_id",
        "employment_changes",
        ["user_id", "effective_on", "created_at"],
        unique=False,
    )
    op.create_table(
        "exemptions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "waiver",
                "exemption",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_exemptions_ends_on")),
        sa.ForeignKeyConstraint(
            ["approved_by_id"], ["users.id"], name=op.f("fk_exemptions_approved_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_exemptions_requirement_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_exemptions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemptions")),
    )
    op.create_index(
        "ix_exemptions_user_id", "exemptions", ["user_id", "requirement_id"], unique=False
    )
    op.create_table(
        "requirement_versions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column(
            "rule",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["users.id"], name=op.f("fk_requirement_versions_recorded_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_requirement_versions_requirement_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_versions")),
        sa.UniqueConstraint(
            "requirement_id", "number", name=op.f("uq_requirement_versions_requirement_id_number")
        ),
    )
    op.create_table(
        "certification_periods",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "initial",
                "renewal",
                "early_renewal",
                "material_change",
                name="cause",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("window_start", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "open",
                "met",
                "waived",
                "released",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("met_by", sa.Uuid(), nullable=True),
        sa.Column("met_on", sa.Date(), nullable=True),
        sa.Column("waived_by", sa.Uuid(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_through", sa.Date(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_certification_periods_requirement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_certification_periods_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["waived_by"], ["exemptions.id"], name=op.f("fk_certification_periods_waived_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certification_periods")),
        sa.UniqueConstraint(
            "user_id",
            "requirement_id",
            "number",
            name=op.f("uq_certification_periods_user_id_requirement_id_number"),
        ),
    )
    op.create_index(
        "ix_certification_periods_met_by", "certification_periods", ["met_by"], unique=False
    )
    op.create_table(
        "evidence_elsewhere",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("credential_kind", sa.String(length=200), nullable=True),
        sa.Column("printed_expiry", sa.Date(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "(module_id IS NULL) <> (credential_kind IS NULL)",
            name=op.f("ck_evidence_elsewhere_subject"),
        ),
        sa.CheckConstraint(
            "version IS NULL OR module_id IS NOT NULL", name=op.f("ck_evidence_elsewhere_version")
        ),
        sa.ForeignKeyConstraint(
            ["module_id"], ["training_modules.id"], name=op.f("fk_evidence_elsewhere_module_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_evidence_elsewhere_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_elsewhere")),
    )
    op.create_index(
        "ix_evidence_elsewhere_user_id", "evidence_elsewhere", ["user_id"], unique=False
    )
    op.create_table(
        "exemption_revocations",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("exemption_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["exemption_id"], ["exemptions.id"], name=op.f("fk_exemption_revocations_exemption_id")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by_id"], ["users.id"], name=op.f("fk_exemption_revocations_revoked_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exemption_revocations")),
        sa.UniqueConstraint("exemption_id", name=op.f("uq_exemption_revocations_exemption_id")),
    )
    op.create_table(
        "evidence_withdrawals",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("withdrawn_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["evidence_id"],
            ["evidence_elsewhere.id"],
            name=op.f("fk_evidence_withdrawals_evidence_id"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by_id"], ["users.id"], name=op.f("fk_evidence_withdrawals_withdrawn_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_withdrawals")),
        sa.UniqueConstraint("evidence_id", name=op.f("uq_evidence_withdrawals_evidence_id")),
    )
    op.create_table(
        "compliance_pending",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("module_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["module_id"], ["training_modules.id"], name=op.f("fk_compliance_pending_module_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_compliance_pending_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_pending")),
    )
    op.create_index(
        op.f("ix_compliance_pending_user_id"), "compliance_pending", ["user_id"], unique=False
    )
