"""Keep deleted parts of drafts.

Revision ID: 0057
Revises: 0056
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0057"
down_revision: str | None = "0056"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Whether code of the revision before works on with this schema (docs/database.md).

Code of before would show and publish what was deleted.
"""

TABLES = ("quiz_questions", "module_sections")


def upgrade() -> None:
    for table in TABLES:
        column = sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True)
        op.add_column(table, column)


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DELETE FROM {table} WHERE deleted_at IS NOT NULL")  # noqa: S608  # constants
        op.drop_column(table, "deleted_at")
