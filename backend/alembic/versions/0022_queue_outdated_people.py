"""Queue people whom a changed rule concerns, for reconciliation in the background.

Revision ID: 0022
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import MUTABLE, protect_table

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

QUEUE_WHOM_RUNS_WERE_LEFT = """
INSERT INTO compliance_outdated (user_id, requirement_id)
SELECT u.id, r.id FROM users u CROSS JOIN requirements r
 WHERE r.reconciled_version < r.version
 ORDER BY u.id
"""
LEAVE_THEM_TO_RUNS = """
UPDATE requirements r
   SET reconciled_version = r.version - CASE WHEN EXISTS (
       SELECT FROM compliance_outdated o WHERE o.requirement_id = r.id) THEN 1 ELSE 0 END
"""


def upgrade() -> None:
    op.create_table(
        "compliance_outdated",
        sa.Column("id", sa.Uuid(), server_default=sa.text("new_id()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["requirement_id"],
            ["requirements.id"],
            name=op.f("fk_compliance_outdated_requirement_id_requirements"),
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_compliance_outdated_user_id_users")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_outdated")),
    )
    op.create_index(op.f("ix_compliance_outdated_user_id"), "compliance_outdated", ["user_id"])
    for statement in protect_table("compliance_outdated", MUTABLE):
        op.execute(statement)
    op.execute(QUEUE_WHOM_RUNS_WERE_LEFT)
    op.execute(
        "CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON compliance_outdated "
        "FOR EACH STATEMENT EXECUTE FUNCTION count_edition()"
    )


def downgrade() -> None:
    op.execute(LEAVE_THEM_TO_RUNS)
    op.drop_table("compliance_outdated")
