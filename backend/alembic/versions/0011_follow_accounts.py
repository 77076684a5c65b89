"""Keep when an address was learned, and who is being invited.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import MUTABLE, protect_table

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.add_column("users", sa.Column("email_as_of", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "invitation_claims",
        sa.Column("email", sa.String(length=320), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("email", name=op.f("pk_invitation_claims")),
    )
    for statement in protect_table("invitation_claims", MUTABLE):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("invitation_claims")
    op.drop_column("users", "email_as_of")
