"""Keep an admin, and who named the instructor of a session.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

KEEP_AN_ADMIN = """
CREATE FUNCTION keep_an_admin() RETURNS trigger LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('users.admins', 0));
    IF NOT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active) THEN
        RAISE EXCEPTION 'nobody would be an admin'
              USING ERRCODE = 'check_violation', CONSTRAINT = 'last_admin';
    END IF;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE CONSTRAINT TRIGGER keep_an_admin AFTER UPDATE ON users DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (OLD.role = 'admin' AND OLD.is_active
                   AND NOT (NEW.role = 'admin' AND NEW.is_active))
EXECUTE FUNCTION keep_an_admin()
"""


def upgrade() -> None:
    op.add_column("live_sessions", sa.Column("instructor_named_by_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_live_sessions_instructor_named_by_id"),
        "live_sessions",
        "users",
        ["instructor_named_by_id"],
        ["id"],
    )
    op.execute(KEEP_AN_ADMIN)
    for statement in protect_function("keep_an_admin()"):
        op.execute(statement)
    op.execute(TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_an_admin ON users")
    op.execute("DROP FUNCTION keep_an_admin()")
    op.drop_column("live_sessions", "instructor_named_by_id")
