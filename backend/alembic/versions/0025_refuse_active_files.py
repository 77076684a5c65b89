"""Allow more reasons for which a file is rejected.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of 0024 fails on files that were rejected for one of the new reasons."""

BEFORE = "'size_mismatch', 'type_mismatch'"
AFTER = f"{BEFORE}, 'polyglot', 'active_content', 'unreadable'"


def upgrade() -> None:
    _allow(AFTER)


def downgrade() -> None:
    op.execute("""
        UPDATE media SET rejection = 'type_mismatch'
         WHERE rejection NOT IN ('size_mismatch', 'type_mismatch')
    """)
    _allow(BEFORE)


def _allow(reasons: str) -> None:
    op.execute("ALTER TABLE media DROP CONSTRAINT ck_media_rejection")
    op.execute(
        f"ALTER TABLE media ADD CONSTRAINT ck_media_rejection CHECK (rejection IN ({reasons}))"
    )
