"""Note which sign-in accounts are to be removed.

Revision ID: 0049
Revises: 0048
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0049"
down_revision: str | None = "0048"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True


def upgrade() -> None:
    op.create_table(
        "account_removals",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_removals")),
    )
    op.execute("ALTER TABLE account_removals ENABLE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY api ON account_removals AS PERMISSIVE FOR ALL TO training_api "
        "USING (true) WITH CHECK (true)"
    )
    op.execute("REVOKE ALL ON account_removals FROM PUBLIC, anon, authenticated")
    op.execute("GRANT DELETE, INSERT, SELECT, UPDATE ON account_removals TO training_api")


def downgrade() -> None:
    op.execute(
        """
        DO $$ BEGIN
            IF EXISTS (SELECT FROM account_removals) THEN
                RAISE EXCEPTION 'Accounts are still to be removed. First run: training users reconcile'
                      USING ERRCODE = 'restrict_violation';
            END IF;
        END $$
        """
    )
    op.drop_table("account_removals")
