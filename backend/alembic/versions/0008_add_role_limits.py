"""Limit the API's role, and let signed-in people read their own rows where that is granted.

Nothing is granted here: `training realtime enable` does that, for those who want it.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

from app.core.postgres.table_security import API_ROLE

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

# Settings of the role hold through every pooler; those of a session's start do not.
LIMITS = {
    # A client has gone after 15 s; DATABASE_STATEMENT_TIMEOUT_MS has the same default.
    "statement_timeout": "15s",
    # Longer than any unit of work holds a row; shorter than the above, to be told from it.
    "lock_timeout": "10s",
    # Nothing in a unit of work waits for anybody but the database, so only a process that hangs
    # is idle for so long, and its locks hold up others.
    "idle_in_transaction_session_timeout": "60s",
}

# What auth.uid() is on Supabase, where PostgREST and Realtime set the claims. Both inner SELECTs
# are evaluated once for a statement, not once for a row.
OWN_USER = (
    "is_active AND supabase_id = "
    "(nullif((SELECT current_setting('request.jwt.claims', true)), '')::jsonb ->> 'sub')::uuid"
)
OWN = "user_id = (SELECT id FROM users)"
OF_OWN_ENROLLMENT = "enrollment_id = ANY (ARRAY(SELECT id FROM enrollments))"

# Each reads the table named before it under that table's own policy.
POLICIES = {
    "users": OWN_USER,
    "enrollments": OWN,
    "section_progress": OF_OWN_ENROLLMENT,
    "quiz_attempts": OF_OWN_ENROLLMENT,
    "training_records": OWN,
    "external_trainings": OWN,
}


def upgrade() -> None:
    for name, value in LIMITS.items():
        op.execute(f"ALTER ROLE {API_ROLE} SET {name} = '{value}'")
    for table, condition in POLICIES.items():
        op.execute(
            f"CREATE POLICY read_own ON {table} FOR SELECT TO authenticated USING ({condition})"
        )


def downgrade() -> None:
    for table in POLICIES:
        op.execute(f"DROP POLICY read_own ON {table}")
    for name in LIMITS:
        op.execute(f"ALTER ROLE {API_ROLE} RESET {name}")
