"""SQL that closes a table to everybody but the API's role. Used by migrations and their tests.

Supabase serves the public schema to the `anon` and `authenticated` roles over PostgREST, so a
table is safe only when row-level security is on and nothing is granted to them.
"""

from collections.abc import Iterable

API_ROLE = "training_api"
PUBLIC_ROLES = ("anon", "authenticated")

CREATE_ROLES = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{API_ROLE}') THEN
        CREATE ROLE {API_ROLE} LOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
        CREATE ROLE anon NOLOGIN NOINHERIT;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'authenticated') THEN
        CREATE ROLE authenticated NOLOGIN NOINHERIT;
    END IF;
EXCEPTION
    -- Roles belong to the cluster: another database's migration may make them just now.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$
"""  # noqa: S608  # only constants are put in

MUTABLE = "SELECT, INSERT, UPDATE, DELETE"
KEPT = "SELECT, INSERT, UPDATE"
APPEND_ONLY = "SELECT, INSERT"
READ_ONLY = "SELECT"


def for_columns(grants: str, inserted: Iterable[str], updated: Iterable[str]) -> str:
    """Return the rights for these columns alone: of others nobody may say what they are."""
    columns = {"INSERT": ", ".join(inserted), "UPDATE": ", ".join(updated)}
    return ", ".join(
        f"{right} ({columns[right]})" if right in columns else right for right in grants.split(", ")
    )


def protect_table(table: str, grants: str) -> tuple[str, ...]:
    """Return the statements that leave `table` to its owner and, for `grants`, to the API."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"REVOKE ALL ON {table} FROM PUBLIC, {', '.join(PUBLIC_ROLES)}",
        f"GRANT {grants} ON {table} TO {API_ROLE}",
        f"CREATE POLICY api ON {table} TO {API_ROLE} USING (true) WITH CHECK (true)",
    )


def protect_function(signature: str) -> tuple[str, ...]:
    """Return the statements that keep a function off PostgREST's /rpc."""
    return (
        f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, {', '.join(PUBLIC_ROLES)}",
        f"GRANT EXECUTE ON FUNCTION {signature} TO {API_ROLE}",
    )


def refuse_changes(table: str) -> tuple[str, ...]:
    """Return the statements that make `table` append-only, for its owner too."""
    return keep_rows(table, "refuse_change()")


def keep_rows(table: str, function: str) -> tuple[str, ...]:
    """Return the triggers: `function` decides about UPDATE and DELETE, and TRUNCATE is refused."""
    return (
        (
            f"CREATE TRIGGER refuse_change BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {function}"
        ),
        (
            f"CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        ),
    )
