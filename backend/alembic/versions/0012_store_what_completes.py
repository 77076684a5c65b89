"""Store with each section of a version what completes it, and let SQL compare that, not kinds.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of before publishes without `completed_by`."""

# The table is append-only, which its triggers keep; a change of type rewrites rows without them.
FILL = """
ALTER TABLE version_sections
    ALTER COLUMN completed_by TYPE varchar(32) USING CASE kind
        WHEN 'text' THEN 'report' WHEN 'video' THEN 'report'
        WHEN 'document' THEN 'report' WHEN 'link' THEN 'report'
        WHEN 'quiz' THEN 'attempt' WHEN 'acknowledgement' THEN 'signature'
        WHEN 'live_session' THEN 'attendance' END,
    ALTER COLUMN completed_by SET NOT NULL,
    ADD CONSTRAINT ck_version_sections_completed_by
        CHECK (completed_by IN ('report', 'attempt', 'signature', 'attendance'))
"""

# One passage of each function changes; its whole body stands below models/.
EDIT = """
DO $edit$
DECLARE
    before text := pg_get_functiondef('{function}'::regproc);
    after text := replace(before, $old${old}$old$, $new${new}$new$);
BEGIN
    IF after = before THEN
        RAISE EXCEPTION '{function} has another body than this revision changes';
    END IF;
    EXECUTE after;
END $edit$
"""

EDITS = (
    ("report_progress", "rule.kind = 'quiz'", "rule.completed_by = 'attempt'"),
    (
        "report_progress",
        """p_completed AND rule.kind = 'acknowledgement' THEN
        RETURN jsonb_build_object('error', 'signature_required');
    ELSIF p_completed AND rule.kind = 'live_session' THEN
        RETURN jsonb_build_object('error', 'attendance_required');""",
        """p_completed AND rule.completed_by <> 'report' THEN
        RETURN jsonb_build_object('error', rule.completed_by || '_required');""",
    ),
    (
        "issue_training_record",
        "v.kind IN ('text', 'video', 'document', 'link')",
        "v.completed_by = 'report'",
    ),
)


def upgrade() -> None:
    op.add_column("version_sections", sa.Column("completed_by", sa.String(32)))
    op.execute(FILL)
    for function, old, new in EDITS:
        op.execute(EDIT.format(function=function, old=old, new=new))


def downgrade() -> None:
    for function, old, new in reversed(EDITS):
        op.execute(EDIT.format(function=function, old=new, new=old))
    op.drop_column("version_sections", "completed_by")
