"""Keep attempts that somebody grants beyond what a quiz allows.

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import APPEND_ONLY, protect_table, refuse_changes

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

ROWS_ABOUT = """
CREATE OR REPLACE FUNCTION rows_about(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT p_user
     UNION ALL SELECT id FROM external_trainings WHERE user_id = p_user
     UNION ALL SELECT id FROM media WHERE owner_id = p_user AND purpose = 'evidence'
     UNION ALL SELECT id FROM exemptions WHERE user_id = p_user
     UNION ALL SELECT id FROM legal_holds WHERE user_id = p_user
     UNION ALL SELECT id FROM enrollments WHERE user_id = p_user
     UNION ALL SELECT id FROM quiz_attempts WHERE user_id = p_user
     UNION ALL SELECT id FROM attempt_grants WHERE user_id = p_user
     UNION ALL SELECT id FROM training_records WHERE user_id = p_user
     UNION ALL SELECT record_id FROM erased_records
               JOIN erasures ON erasures.id = erasure_id WHERE user_id = p_user
$$
"""
GRANTS = "     UNION ALL SELECT id FROM attempt_grants WHERE user_id = p_user\n"


def upgrade() -> None:
    op.create_table(
        "attempt_grants",
        sa.Column("id", sa.Uuid(), server_default=sa.text("new_id()"), nullable=False),
        sa.Column("enrollment_id", sa.Uuid(), nullable=False),
        sa.Column("section_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("granted_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("clock_timestamp()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollments.id"], name=op.f("fk_attempt_grants_enrollment_id")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_attempt_grants_user_id")),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["users.id"], name=op.f("fk_attempt_grants_granted_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt_grants")),
    )
    op.create_index(
        "ix_attempt_grants_enrollment_id", "attempt_grants", ["enrollment_id", "section_id"]
    )
    for statement in (
        *protect_table("attempt_grants", APPEND_ONLY),
        *refuse_changes("attempt_grants"),
    ):
        op.execute(statement)
    op.execute(ROWS_ABOUT)


def downgrade() -> None:
    op.execute(ROWS_ABOUT.replace(GRANTS, ""))
    op.drop_table("attempt_grants")
