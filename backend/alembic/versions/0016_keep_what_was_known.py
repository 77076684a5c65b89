"""Keep what reports of earlier days said about people's compliance, apart from today's knowledge.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import APPEND_ONLY, protect_table, refuse_changes

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of 0015 would overwrite what is known today without keeping what it overwrites."""

KEEP = """
CREATE OR REPLACE FUNCTION keep_closed_period()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF OLD.outcome <> 'open'
       AND OLD.closed_on < (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date
       AND (TG_OP = 'UPDATE' OR NOT EXISTS (
           SELECT FROM superseded_periods s WHERE s.id = OLD.id)) THEN
        RAISE EXCEPTION 'certification period % is closed', OLD.id
              USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    RETURN NEW;
END $function$
"""

KEEP_BEFORE = """
CREATE OR REPLACE FUNCTION keep_closed_period()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$
"""


def upgrade() -> None:
    op.create_table(
        "superseded_segments",
        sa.Column("known_from", sa.Date(), nullable=False),
        sa.Column("known_through", sa.Date(), nullable=False),
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
        sa.CheckConstraint(
            "known_through >= known_from", name=op.f("ck_superseded_segments_known_through")
        ),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("fk_superseded_segments_location_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_superseded_segments_requirement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_superseded_segments_user_id")
        ),
        sa.PrimaryKeyConstraint(
            "known_from",
            "user_id",
            "requirement_id",
            "starts_on",
            name=op.f("pk_superseded_segments"),
        ),
    )
    op.create_index(
        "ix_superseded_segments_as_of",
        "superseded_segments",
        ["known_through", "ends_on", "starts_on"],
        unique=False,
    )
    op.create_table(
        "superseded_periods",
        sa.Column("id", sa.Uuid(), server_default=sa.text("new_id()"), nullable=False),
        sa.Column("superseded_on", sa.Date(), nullable=False),
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
            name=op.f("fk_superseded_periods_requirement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_superseded_periods_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["waived_by"], ["exemptions.id"], name=op.f("fk_superseded_periods_waived_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_superseded_periods")),
    )
    op.create_index(
        "ix_superseded_periods_user_id",
        "superseded_periods",
        ["user_id", "requirement_id"],
        unique=False,
    )
    op.add_column(
        "compliance_segments",
        sa.Column("known_from", sa.Date(), server_default="-infinity", nullable=False),
    )
    for table in ("superseded_periods", "superseded_segments"):
        for statement in (*protect_table(table, APPEND_ONLY), *refuse_changes(table)):
            op.execute(statement)
    op.execute(KEEP)


def downgrade() -> None:
    op.execute(KEEP_BEFORE)
    op.drop_column("compliance_segments", "known_from")
    op.drop_index("ix_superseded_periods_user_id", table_name="superseded_periods")
    op.drop_table("superseded_periods")
    op.drop_index("ix_superseded_segments_as_of", table_name="superseded_segments")
    op.drop_table("superseded_segments")
