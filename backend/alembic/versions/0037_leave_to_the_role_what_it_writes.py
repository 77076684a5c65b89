"""Take from the API's role the rights to columns that it does not write itself.

Revision ID: 0037
Revises: 0036
"""

from textwrap import dedent

from alembic import op

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False
"""Code of before 0036 credits study time and writes regraded results itself."""


def upgrade() -> None:
    op.execute(
        dedent(r"""
    REVOKE ALL ON study_clocks FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON section_progress FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON quiz_attempts FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON legal_holds FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON enrollments FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON FUNCTION credit_study_time(uuid,timestamp with time zone,integer) FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON attempt_results FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT SELECT ON attempt_results TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (created_at, due_on, id, module_id, source, status, updated_at, user_id, version_id, withdrawn_at), SELECT, UPDATE (due_on, source, status, updated_at, withdrawn_at) ON enrollments TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (created_at, id, placed_by_id, reason, released_at, released_by_id, revision, updated_at, user_id), SELECT, UPDATE (released_at, released_by_id, revision, updated_at) ON legal_holds TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (answers, created_at, enrollment_id, expires_at, id, number, pass_mark, section_id, seed, snapshot, started_at, updated_at, user_id, version_id), SELECT, UPDATE (answer_seconds, answers, updated_at) ON quiz_attempts TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (enrollment_id, section_id), SELECT ON section_progress TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT SELECT ON study_clocks TO training_api
    """)
    )


def downgrade() -> None:
    op.execute(
        dedent(r"""
    REVOKE ALL ON study_clocks FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON section_progress FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON quiz_attempts FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON legal_holds FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON enrollments FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    REVOKE ALL ON attempt_results FROM training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (attempt_id, correction_id, grades, id, kept_pass, max_points, passed, points, revision, score_percent), SELECT ON attempt_results TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT EXECUTE ON FUNCTION credit_study_time(uuid,timestamp with time zone,integer) TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (created_at, due_on, id, module_id, progress_percent, source, status, updated_at, user_id, version_id, withdrawn_at), SELECT, UPDATE (created_at, due_on, id, module_id, progress_percent, source, status, updated_at, user_id, version_id, withdrawn_at) ON enrollments TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT, SELECT, UPDATE ON legal_holds TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT, SELECT, UPDATE ON quiz_attempts TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT (enrollment_id, "position", seconds_spent, section_id, state, updated_at), SELECT, UPDATE (enrollment_id, "position", seconds_spent, section_id, state, updated_at) ON section_progress TO training_api
    """)
    )
    op.execute(
        dedent(r"""
    GRANT INSERT, SELECT, UPDATE ON study_clocks TO training_api
    """)
    )
