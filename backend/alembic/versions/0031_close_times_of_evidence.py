"""Take from the API's role the rights to write audit events and to choose the times of evidence.

Revision ID: 0031
Revises: 0030
"""

from alembic import op

from app.core.postgres.table_security import API_ROLE

revision: str = "0031"
down_revision: str | None = "0030"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of before 0030 writes audit events and completes the sections of live sessions itself."""

ADDED_TO = (
    "attempt_grants",
    "attempt_results",
    "employment_changes",
    "evidence_elsewhere",
    "evidence_withdrawals",
    "exemption_revocations",
    "exemptions",
    "live_session_questions",
    "module_versions",
    "quiz_corrections",
    "requirement_versions",
)
# For each table, the rights that are narrowed and the columns that they no longer include.
STAMPED = {
    **dict.fromkeys(ADDED_TO, (("INSERT",), ("created_at",))),
    "enrollments": (("INSERT", "UPDATE"), ("enrolled_at", "completed_at")),
    "section_progress": (("INSERT", "UPDATE"), ("completed_at",)),
}
NARROW = """
DO $do$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ') INTO columns FROM pg_attribute
     WHERE attrelid = '{table}'::regclass AND attnum > 0 AND NOT attisdropped
       AND attname <> ALL ('{{{stamped}}}'::text[]);
    REVOKE {right} ON {table} FROM {role};
    EXECUTE format('GRANT {right} (%s) ON {table} TO {role}', columns);
END $do$
"""


def upgrade() -> None:
    op.execute(f"REVOKE INSERT ON audit_events FROM {API_ROLE}")
    op.execute(f"REVOKE EXECUTE ON FUNCTION complete_section FROM {API_ROLE}")
    for table, (rights, columns) in STAMPED.items():
        stamped = ",".join(columns)
        for right in rights:
            op.execute(NARROW.format(right=right, table=table, stamped=stamped, role=API_ROLE))


def downgrade() -> None:
    for table, (rights, _) in STAMPED.items():
        for right in rights:
            # Revoking the right to the table also revokes the rights to its columns.
            op.execute(f"REVOKE {right} ON {table} FROM {API_ROLE}")
            op.execute(f"GRANT {right} ON {table} TO {API_ROLE}")
    op.execute(f"GRANT EXECUTE ON FUNCTION complete_section TO {API_ROLE}")
    op.execute(f"GRANT INSERT ON audit_events TO {API_ROLE}")
