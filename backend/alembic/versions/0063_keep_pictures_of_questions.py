"""Keep pictures of questions.

Revision ID: 0063
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0063"
down_revision: str | None = "0062"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Whether code of the revision before works on with this schema (docs/database.md)."""


def upgrade() -> None:
    op.add_column(
        "quiz_questions",
        sa.Column(
            "picture",
            sa.JSON(none_as_null=True).with_variant(
                postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), "postgresql"
            ),
            nullable=True,
        ),
    )


def downgrade() -> None:
    op.drop_column("quiz_questions", "picture")
