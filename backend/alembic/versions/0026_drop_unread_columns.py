"""Drop two columns that nothing reads.

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of 0025 still selects `enrollments.reported_at`."""


def upgrade() -> None:
    op.drop_column("idempotency_keys", "location")
    op.drop_column("enrollments", "reported_at")


def downgrade() -> None:
    reported_at = sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("enrollments", reported_at)
    op.add_column("idempotency_keys", sa.Column("location", sa.String(300), nullable=True))
