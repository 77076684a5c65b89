"""Tell drafts with unpublished changes.

Revision ID: 0056
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0056"
down_revision: str | None = "0055"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Whether code of the revision before works on with this schema (docs/database.md)."""


def upgrade() -> None:
    for name in ("draft_sha256", "published_draft_sha256"):
        op.add_column("training_modules", sa.Column(name, sa.String(length=64), nullable=True))
    # Of the drafts that are there, what was edited after its publication counts as changed. Both
    # hashes stay empty for the others, which are equal then.
    op.execute(
        "UPDATE training_modules SET draft_sha256 = repeat('0', 64) WHERE updated_at > published_at"
    )


def downgrade() -> None:
    op.drop_column("training_modules", "published_draft_sha256")
    op.drop_column("training_modules", "draft_sha256")
