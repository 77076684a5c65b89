"""List departments and job titles with their aliases.

Revision ID: 0034
Revises: 0033
"""

import sqlalchemy as sa
from alembic import op

from app.core.postgres.table_security import MUTABLE, protect_table

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True
"""Code of 0033 adds departments without a spelling; code of 0034 finds those by their name."""


def upgrade() -> None:
    op.add_column(
        "departments",
        sa.Column("confirmed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "departments",
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.create_table(
        "job_titles",
        sa.Column("id", sa.Uuid(), server_default=sa.text("new_id()"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("confirmed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_titles")),
    )
    for noun in ("department", "job_title"):
        table = f"{noun}_spellings"
        op.create_table(
            table,
            sa.Column("spelling", sa.String(length=200), nullable=False),
            sa.Column("written", sa.String(length=200), nullable=False),
            sa.Column("word_id", sa.Uuid(), nullable=False),
            sa.ForeignKeyConstraint(["word_id"], [f"{noun}s.id"], name=op.f(f"fk_{table}_word_id")),
            sa.PrimaryKeyConstraint("spelling", name=op.f(f"pk_{table}")),
        )
        op.create_index(op.f(f"ix_{table}_word_id"), table, ["word_id"])
    for table in ("job_titles", "department_spellings", "job_title_spellings"):
        for statement in protect_table(table, MUTABLE):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("job_title_spellings")
    op.drop_table("department_spellings")
    op.drop_table("job_titles")
    op.drop_column("departments", "revision")
    op.drop_column("departments", "confirmed")
