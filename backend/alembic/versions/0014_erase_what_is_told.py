"""Let erasure reach what is told of a person elsewhere, and ask for their account to go first.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

ROWS_ABOUT = """
CREATE FUNCTION rows_about(p_user uuid) RETURNS SETOF uuid
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p_user
     UNION ALL SELECT id FROM external_trainings WHERE user_id = p_user
     UNION ALL SELECT id FROM media WHERE owner_id = p_user AND purpose = 'evidence'
     UNION ALL SELECT id FROM exemptions WHERE user_id = p_user
     UNION ALL SELECT id FROM legal_holds WHERE user_id = p_user
     UNION ALL SELECT id FROM enrollments WHERE user_id = p_user
     UNION ALL SELECT id FROM quiz_attempts WHERE user_id = p_user
     UNION ALL SELECT id FROM training_records WHERE user_id = p_user
     UNION ALL SELECT record_id FROM erased_records
               JOIN erasures ON erasures.id = erasure_id WHERE user_id = p_user
$$
"""
TOLD_OF_ERASED = """
CREATE FUNCTION told_of_erased(p_row uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM erasures e
         WHERE e.transaction_id = pg_current_xact_id()::text::bigint
           AND p_row IN (SELECT rows_about(e.user_id)))
$$
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
    (
        "refuse_unless_erased",
        "IF erased_now((to_jsonb(OLD) ->> TG_ARGV[0])::uuid) THEN",
        """IF erased_now((to_jsonb(OLD) ->> TG_ARGV[0])::uuid)
       OR told_of_erased((to_jsonb(OLD) ->> TG_ARGV[0])::uuid) THEN""",
    ),
    (
        "erase_person",
        "        RAISE EXCEPTION 'records_not_sealed' USING ERRCODE = 'restrict_violation';",
        """        RAISE EXCEPTION 'records_not_sealed' USING ERRCODE = 'restrict_violation';
    ELSIF EXISTS (SELECT FROM users WHERE id = p_user AND supabase_id IS NOT NULL) THEN
        RAISE EXCEPTION 'account_linked' USING ERRCODE = 'restrict_violation';""",
    ),
    (
        "erase_person",
        "review_reason = NULL",
        """review_reason = NULL,
           title = 'erased', provider = 'erased', instructor_name = NULL""",
    ),
    (
        "erase_person",
        "    UPDATE legal_holds SET reason = 'erased' WHERE user_id = p_user;",
        """    UPDATE legal_holds SET reason = 'erased' WHERE user_id = p_user;
    UPDATE employment_changes SET note = NULL WHERE user_id = p_user AND note IS NOT NULL;
    UPDATE media SET file_name = NULL WHERE owner_id = p_user AND purpose = 'evidence';""",
    ),
    (
        "erase_person",
        "     WHERE target_type = 'user' AND target_id = p_user;",
        """     WHERE target_id IN (SELECT rows_about(p_user))
       AND (before IS NOT NULL OR after IS NOT NULL);""",
    ),
)


def upgrade() -> None:
    op.execute(ROWS_ABOUT)
    op.execute(TOLD_OF_ERASED)
    for signature in ("rows_about(uuid)", "told_of_erased(uuid)"):
        for statement in protect_function(signature):
            op.execute(statement)
    for function, old, new in EDITS:
        op.execute(EDIT.format(function=function, old=old, new=new))
    _keep_employment_by("refuse_unless_erased('user_id')")


def downgrade() -> None:
    _keep_employment_by("refuse_change()")
    for function, old, new in reversed(EDITS):
        op.execute(EDIT.format(function=function, old=new, new=old))
    op.execute("DROP FUNCTION told_of_erased(uuid)")
    op.execute("DROP FUNCTION rows_about(uuid)")


def _keep_employment_by(function: str) -> None:
    op.execute("DROP TRIGGER refuse_change ON employment_changes")
    op.execute(
        "CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON employment_changes "
        f"FOR EACH ROW EXECUTE FUNCTION {function}"
    )
