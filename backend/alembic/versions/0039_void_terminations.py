"""Say of a change of an employment which termination it voids.

Revision ID: 0039
Revises: 0038
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0039"
down_revision: str | None = "0038"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.add_column("employment_changes", sa.Column("voids_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_employment_changes_voids_id"),
        "employment_changes",
        "employment_changes",
        ["voids_id"],
        ["id"],
    )
    op.execute("GRANT INSERT (voids_id) ON employment_changes TO training_api")


def downgrade() -> None:
    op.drop_column("employment_changes", "voids_id")
