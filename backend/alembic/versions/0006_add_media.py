"""Add media files and the optional read-own-rows policies for Supabase Realtime.

Revision ID: 0006
Revises: 0005
"""

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
