"""Order the ids that the database makes by time, and let audit events stand on their own.

Most ids come from the client and are UUIDv7. Those that the database made were random, so that the
indexes of enrollments and audit events, which it makes by the thousand, were written all over.

The foreign key of `audit_events.actor_id` locked and wrote the actor's own row for every event, of
every process at once. It guarded nothing: the actor is the caller that the same statement or
transaction has found, events cannot be changed, and people are never deleted.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from app.core.postgres.table_security import protect_function

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None
compatible: bool = False

# RFC 9562, 5.7: 48 bits of Unix milliseconds, then the version; bits 52 and 53 are set from a
# UUIDv4's 0100 to 0111. PostgreSQL has uuidv7() since 18.
NEW_ID = """
DO $do$
BEGIN
    IF current_setting('server_version_num')::int >= 180000 THEN
        CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE
            AS 'SELECT uuidv7()';
    ELSE
        CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
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


def make_ids_by(function: str, instead_of: str) -> str:
    return f"""
DO $do$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT table_name, column_name FROM information_schema.columns
         WHERE table_schema = current_schema() AND column_default = '{instead_of}()'
         ORDER BY table_name = 'audit_events', table_name
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER %I SET DEFAULT {function}()',
                       place.table_name, place.column_name);
    END LOOP;
END $do$
"""  # noqa: S608  # of constants


def upgrade() -> None:
    op.execute(NEW_ID)
    for statement in protect_function("new_id()"):
        op.execute(statement)
    op.execute(make_ids_by("new_id", instead_of="gen_random_uuid"))
    op.drop_constraint("fk_audit_events_actor_id", "audit_events", type_="foreignkey")


def downgrade() -> None:
    op.execute(make_ids_by("gen_random_uuid", instead_of="new_id"))
    op.create_foreign_key("fk_audit_events_actor_id", "audit_events", "users", ["actor_id"], ["id"])
    op.execute("DROP FUNCTION new_id()")
