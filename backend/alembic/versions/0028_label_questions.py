"""Add names, categories and tags to questions.

Revision ID: 0028
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    json = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
    tags = sa.Column("tags", json, server_default=sa.text("'[]'"), nullable=False)
    op.add_column("quiz_questions", sa.Column("name", sa.String(255), nullable=True))
    op.add_column("quiz_questions", sa.Column("category", sa.String(500), nullable=True))
    op.add_column("quiz_questions", tags)


def downgrade() -> None:
    for column in ("tags", "category", "name"):
        op.drop_column("quiz_questions", column)
