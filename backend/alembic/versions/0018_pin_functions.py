"""Give every function its own search_path, so that its caller cannot choose what its names mean.

Revision ID: 0018
Revises: 0017
"""

from alembic import op

from app.core.postgres.table_security import API_ROLE

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = True

# Functions of triggers. A trigger runs without the right to execute its function, so nobody gets it.
OF_TRIGGERS = (
    "count_edition",
    "keep_an_admin",
    "keep_closed_period",
    "note_training_record",
    "record_employment",
    "refuse_change",
    "refuse_closed_roster",
    "refuse_settled_change",
    "refuse_unless_erased",
)
# Functions that others call, and that had no search_path.
CALLED = (
    "complete_section",
    "correct_training_record",
    "credit_study_time",
    "grade_attempt",
    "issue_training_record",
    "lock_quiz",
    "report_progress",
    "settle_regrade",
)
# Functions whose search_path did not begin with pg_catalog.
HAD_A_PATH = ("erase_person", "keep_an_admin", "rows_about", "told_of_erased")

PATH = "pg_catalog, public, pg_temp"
PATH_BEFORE = "public, pg_temp"

# PostgreSQL resolves the names in a body without quotes when the function is made, so that it needs
# no search_path. Other than a function with a search_path, it can still be inlined.
ERASED_NOW = """
CREATE OR REPLACE FUNCTION erased_now(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE
RETURN EXISTS (
    SELECT FROM erasures
     WHERE user_id = p_user AND transaction_id = pg_current_xact_id()::text::bigint)
"""
ERASED_NOW_BEFORE = """
CREATE OR REPLACE FUNCTION erased_now(p_user uuid) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM erasures
         WHERE user_id = p_user AND transaction_id = pg_current_xact_id()::text::bigint)
$$
"""
NEW_ID = """
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE OR REPLACE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
        RETURN uuidv7();
    ELSE
        CREATE OR REPLACE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
        RETURN encode(
            set_bit(set_bit(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send(
                            (extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                52, 1), 53, 1),
            'hex')::uuid;
    END IF;
END $do$
"""
NEW_ID_BEFORE = """
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE OR REPLACE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
            AS 'SELECT uuidv7()';
    ELSE
        CREATE OR REPLACE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
            SELECT encode(
                set_bit(set_bit(
                    overlay(uuid_send(gen_random_uuid())
                            PLACING substring(int8send(
                                (extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                            FROM 1 FOR 6),
                    52, 1), 53, 1),
                'hex')::uuid
        $$;
    END IF;
END $do$
"""
# Only the owner of the database can do this. Where another role migrates it, this statement does
# nothing but warn, and the owner has to do it (docs/operations.md).
TEMPORARY = """
DO $do$
BEGIN
    EXECUTE format('{change} TEMPORARY ON DATABASE %I {whom} PUBLIC', current_database());
END $do$
"""


def upgrade() -> None:
    op.execute(ERASED_NOW)
    op.execute(NEW_ID)
    for function in sorted({*OF_TRIGGERS, *CALLED, *HAD_A_PATH}):
        op.execute(f"ALTER FUNCTION {function} SET search_path = {PATH}")
    for function in OF_TRIGGERS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM {API_ROLE}")
    op.execute(TEMPORARY.format(change="REVOKE", whom="FROM"))


def downgrade() -> None:
    op.execute(TEMPORARY.format(change="GRANT", whom="TO"))
    for function in OF_TRIGGERS:
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {API_ROLE}")
    for function in sorted({*OF_TRIGGERS, *CALLED} - {*HAD_A_PATH}):
        op.execute(f"ALTER FUNCTION {function} RESET search_path")
    for function in HAD_A_PATH:
        op.execute(f"ALTER FUNCTION {function} SET search_path = {PATH_BEFORE}")
    op.execute(NEW_ID_BEFORE)
    op.execute(ERASED_NOW_BEFORE)
