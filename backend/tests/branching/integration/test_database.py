"""What the migrations made of the branch's database, seen as the API and as a browser."""

import asyncpg
import httpx
import pytest

from app.core.postgres.schema import SCHEMA_REVISION
from app.core.postgres.table_security import API_ROLE
from tests.branching.integration.conftest import Account

pytestmark = pytest.mark.branch

TABLES = ("users", "enrollments", "answer_keys", "training_records", "alembic_version")
NOTHING_TO_SEE = {401, 403, 404}


async def test_is_at_the_revision_of_the_code(connection: asyncpg.Connection) -> None:
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == SCHEMA_REVISION


async def test_the_api_is_nobody_special(connection: asyncpg.Connection) -> None:
    role = await connection.fetchrow(
        "SELECT rolname, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
        "FROM pg_roles WHERE rolname = current_user"
    )
    assert role is not None
    assert tuple(role) == (API_ROLE, False, False, False, False)


@pytest.mark.parametrize("table", ["training_records", "audit_events", "answer_keys"])
async def test_the_api_cannot_change_evidence(connection: asyncpg.Connection, table: str) -> None:
    assert not await connection.fetchval("SELECT has_any_column_privilege($1, 'UPDATE')", table)
    for verb in ("DELETE FROM", "TRUNCATE"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"{verb} {table}")


async def test_the_api_cannot_make_tables(connection: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE public.anything (id integer)")


async def test_every_table_has_row_level_security(connection: asyncpg.Connection) -> None:
    open_tables = await connection.fetch(
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relrowsecurity"
    )
    assert open_tables == []


@pytest.mark.parametrize("table", TABLES)
async def test_a_browser_reads_no_table(supabase: httpx.AsyncClient, table: str) -> None:
    response = await supabase.get(f"/rest/v1/{table}?select=*")
    assert response.status_code in NOTHING_TO_SEE or response.json() == []


@pytest.mark.parametrize("table", TABLES)
async def test_somebody_signed_in_reads_no_table_of_others(
    supabase: httpx.AsyncClient, account: Account, table: str
) -> None:
    headers = await account.sign_in(supabase)
    response = await supabase.get(f"/rest/v1/{table}?select=*", headers=headers)
    assert response.status_code in NOTHING_TO_SEE or response.json() == []


async def test_a_browser_calls_no_function(supabase: httpx.AsyncClient) -> None:
    response = await supabase.post("/rest/v1/rpc/rfc3339", json={"instant": "2026-01-01"})
    assert response.status_code in NOTHING_TO_SEE
