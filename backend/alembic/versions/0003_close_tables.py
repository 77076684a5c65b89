"""Close every table to Supabase's public roles and give the API's role just what it needs.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

from app.core.postgres.table_security import (
    API_ROLE,
    APPEND_ONLY,
    CREATE_ROLES,
    MUTABLE,
    PUBLIC_ROLES,
    protect_function,
    protect_table,
)

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

GRANTS = {
    "alembic_version": "SELECT",
    "answer_keys": APPEND_ONLY,
    "audit_events": APPEND_ONLY,
    "departments": MUTABLE,
    "enrollments": "SELECT, INSERT, UPDATE",
    "idempotency_keys": MUTABLE,
    "location_managers": MUTABLE,
    "locations": MUTABLE,
    "module_prerequisites": MUTABLE,
    "module_sections": MUTABLE,
    "module_versions": APPEND_ONLY,
    "quiz_attempts": "SELECT, INSERT, UPDATE",
    "quiz_questions": MUTABLE,
    "record_seals": APPEND_ONLY,
    "sealed_records": APPEND_ONLY,
    "section_progress": "SELECT, INSERT, UPDATE",
    "signatures": APPEND_ONLY,
    "training_modules": MUTABLE,
    "training_records": APPEND_ONLY,
    "users": "SELECT, INSERT, UPDATE",
    "version_sections": APPEND_ONLY,
}

FUNCTIONS = (
    "refuse_change()",
    "rfc3339(timestamptz)",
    "issue_training_record(uuid, uuid, text)",
    "complete_section(uuid, uuid, uuid, text)",
    "section_state(uuid, uuid)",
    "report_progress(uuid, uuid, uuid, integer, double precision, boolean, text)",
)

NOBODY = ", ".join(PUBLIC_ROLES)


def upgrade() -> None:
    op.execute(CREATE_ROLES)
    op.execute(f"GRANT USAGE ON SCHEMA public TO {API_ROLE}")
    for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM {NOBODY}")
    op.execute("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
    for table, grants in GRANTS.items():
        for statement in protect_table(table, grants):
            op.execute(statement)
    for signature in FUNCTIONS:
        for statement in protect_function(signature):
            op.execute(statement)


def downgrade() -> None:
    # The roles stay: they belong to the cluster and other databases may use them.
    op.execute("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
    for signature in FUNCTIONS:
        op.execute(f"REVOKE ALL ON FUNCTION {signature} FROM {API_ROLE}")
        op.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO PUBLIC")
    for table in GRANTS:
        op.execute(f"DROP POLICY api ON {table}")
        op.execute(f"REVOKE ALL ON {table} FROM {API_ROLE}")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {API_ROLE}")
