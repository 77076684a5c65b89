"""Count what is written of the matrix; take away a status that no enrollment ever had.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import KEPT, protect_function, protect_table

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

COUNT_EDITION = """
CREATE FUNCTION count_edition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE compliance_editions SET number = number + 1
     WHERE id = (SELECT id FROM compliance_editions LIMIT 1 FOR UPDATE SKIP LOCKED);
    IF NOT FOUND THEN
        INSERT INTO compliance_editions (number) VALUES (1);
    END IF;
    RETURN NULL;
END $$
"""
COUNTED = ("compliance_counts", "requirements", "locations")
STATUSES = "status IN ('active', 'completed', 'withdrawn')"
STATUSES_BEFORE = "status IN ('active', 'completed', 'withdrawn', 'expired')"


def upgrade() -> None:
    op.create_table(
        "compliance_editions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("new_id()"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_editions")),
    )
    for statement in protect_table("compliance_editions", KEPT):
        op.execute(statement)
    op.execute(COUNT_EDITION)
    for statement in protect_function("count_edition()"):
        op.execute(statement)
    for table in COUNTED:
        op.execute(
            f"CREATE TRIGGER count_edition AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION count_edition()"
        )
    _replace_statuses(STATUSES)


def downgrade() -> None:
    _replace_statuses(STATUSES_BEFORE)
    for table in COUNTED:
        op.execute(f"DROP TRIGGER count_edition ON {table}")
    op.execute("DROP FUNCTION count_edition()")
    op.drop_table("compliance_editions")


def _replace_statuses(condition: str) -> None:
    op.execute(
        "ALTER TABLE enrollments DROP CONSTRAINT ck_enrollments_status, "
        f"ADD CONSTRAINT ck_enrollments_status CHECK ({condition})"
    )
