"""Let the API's role only read records, signatures and seals; functions write them for it.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

from app.core.postgres.table_security import API_ROLE

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of before 0019 writes signatures and seals itself."""

TABLES = ("record_seals", "sealed_records", "signatures", "training_records")
# Both take the time from the enrollment as it is. Only functions that set that time may call them.
FUNCTIONS = ("correct_training_record", "issue_training_record")


def upgrade() -> None:
    for table in TABLES:
        op.execute(f"REVOKE INSERT ON {table} FROM {API_ROLE}")
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM {API_ROLE}")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {API_ROLE}")
    for table in TABLES:
        op.execute(f"GRANT INSERT ON {table} TO {API_ROLE}")
