"""Enter people without an address.

Revision ID: 0045
Revises: 0044
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0045"
down_revision: str | None = "0044"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Lists of 0044 fail at the first person without an address."""


CHECK = "email IS NOT NULL OR supabase_id IS NULL AND full_name IS NOT NULL"


def upgrade() -> None:
    op.alter_column("users", "email", existing_type=sa.VARCHAR(length=320), nullable=True)
    op.execute(f"ALTER TABLE users ADD CONSTRAINT ck_users_email CHECK ({CHECK}) NOT VALID")


def downgrade() -> None:
    op.execute("ALTER TABLE users DROP CONSTRAINT ck_users_email")
    op.execute("UPDATE users SET email = id || '@no-address.invalid' WHERE email IS NULL")
    op.alter_column("users", "email", existing_type=sa.VARCHAR(length=320), nullable=False)
