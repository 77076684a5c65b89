"""Let a person's own change of name wait for confirmation; keep the name and address of signers.

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

EDITS = {
    "sign_section": (
        """
        enrollment_id, section_id, user_id, printed_name, meaning, document_sha256)
    SELECT e.id, v.section_id, e.user_id, p_printed_name, p_meaning, v.document_sha256
      FROM enrollments e
""",
        """
        enrollment_id, section_id, user_id, printed_name, meaning, document_sha256,
        directory_name, email)
    SELECT e.id, v.section_id, e.user_id, p_printed_name, p_meaning, v.document_sha256,
           CASE WHEN u.name_confirmed THEN u.full_name ELSE u.previous_name END, u.email
      FROM enrollments e
      JOIN users u ON u.id = e.user_id
""",
    ),
    "issue_training_record": (
        """
        'full_name', person.full_name, 'email'""",
        """
        'full_name',
        CASE WHEN person.name_confirmed THEN person.full_name ELSE person.previous_name END,
        'email'""",
    ),
    "erase_person": (
        """
           email_confirmed = false, last_sign_in = NULL, profile_metadata = '{}',
""",
        """
           email_confirmed = false, last_sign_in = NULL, profile_metadata = '{}',
           name_confirmed = true, previous_name = NULL, name_aliases = '[]',
""",
    ),
}
"""For each function, a part of its body and what replaces it."""

EDIT = """
DO $do$
DECLARE
    definition text := pg_get_functiondef('{function}'::regproc);
    edited text := replace(definition, $before${before}$before$, $after${after}$after$);
BEGIN
    IF edited = definition THEN
        RAISE EXCEPTION '{function} is not what this revision expects';
    END IF;
    EXECUTE edited;
END $do$
"""


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("name_confirmed", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column("users", sa.Column("previous_name", sa.String(200), nullable=True))
    op.add_column(
        "users",
        sa.Column(
            "name_aliases",
            sa.JSON().with_variant(JSONB(), "postgresql"),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
    )
    op.add_column("signatures", sa.Column("directory_name", sa.String(200), nullable=True))
    op.add_column("signatures", sa.Column("email", sa.String(320), nullable=True))
    for function, (before, after) in EDITS.items():
        _edit(function, before, after)


def downgrade() -> None:
    for function, (before, after) in EDITS.items():
        _edit(function, after, before)
    for column in ("directory_name", "email"):
        op.drop_column("signatures", column)
    for column in ("name_confirmed", "previous_name", "name_aliases"):
        op.drop_column("users", column)


def _edit(function: str, before: str, after: str) -> None:
    """Replace a part of a function's body; fail if the part is not there."""
    op.execute(EDIT.format(function=function, before=before, after=after))
