"""Say in which country and state a location is.

Revision ID: 0038
Revises: 0037
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0038"
down_revision: str | None = "0037"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.add_column("locations", sa.Column("country", sa.String(length=2), nullable=True))
    op.add_column("locations", sa.Column("state", sa.String(length=6), nullable=True))
    op.create_check_constraint(
        op.f("ck_locations_state"),
        "locations",
        "state IS NULL OR country = split_part(state, '-', 1)",
    )


def downgrade() -> None:
    op.drop_column("locations", "state")
    op.drop_column("locations", "country")
