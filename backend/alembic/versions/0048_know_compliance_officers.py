"""Know compliance officers.

Revision ID: 0048
Revises: 0047
"""

from alembic import op

revision: str = "0048"
down_revision: str | None = "0047"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Older code knows no such role: give it to somebody when no older code runs any more."""

TABLES = ("users", "employment_changes")
BEFORE = "'learner', 'manager', 'author', 'admin'"
AFTER = "'learner', 'manager', 'author', 'compliance_officer', 'admin'"


def upgrade() -> None:
    for table in TABLES:
        _allow(table, AFTER)


def downgrade() -> None:
    # The history of employments is evidence, which may be sealed, and keeps the role that people
    # had. Older code cannot read it, so it leaves whoever was a compliance officer as they are.
    op.execute("UPDATE users SET role = 'learner' WHERE role = 'compliance_officer'")
    for table in TABLES:
        _allow(table, BEFORE)


def _allow(table: str, roles: str) -> None:
    check = f"ck_{table}_role"
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (role IN ({roles})) NOT VALID")
