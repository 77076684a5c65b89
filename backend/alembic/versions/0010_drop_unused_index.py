"""Drop the index of enrollments by due date: no query reads it.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.drop_index("ix_enrollments_due_on", table_name="enrollments")


def downgrade() -> None:
    op.create_index(
        "ix_enrollments_due_on",
        "enrollments",
        ["due_on"],
        unique=False,
        postgresql_where=sa.text("status = 'active'"),
    )
