"""The hook that docs/deploy-supabase.md offers does what it says, and only for Supabase Auth."""

import json
import re
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from devstack.postgres import EmbeddedPostgres

DOCUMENT = Path(__file__).parents[3] / "docs" / "deploy-supabase.md"
CALL = "SELECT public.refuse_closed_people($1)"
CLAIMS = {"sub": "x", "role": "authenticated", "aal": "aal1"}


def documented() -> str:
    found = re.search(
        r"```sql\n(CREATE FUNCTION public\.refuse_.*?)```", DOCUMENT.read_text(), re.DOTALL
    )
    assert found
    return found[1]


@pytest.fixture
async def owner(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection, in a transaction that takes back the role and the function."""
    name = committed_database.engine.url.database
    assert name is not None
    connection = await asyncpg.connect(postgres.dsn(name))
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("CREATE ROLE supabase_auth_admin NOINHERIT")
    await connection.execute(documented())
    yield connection
    await transaction.rollback()
    await connection.close()


async def person(owner: asyncpg.Connection, *, active: bool) -> uuid.UUID:
    account = uuid.uuid4()
    await owner.execute(
        "INSERT INTO users (id, supabase_id, email, is_active) VALUES ($1, $1, $2, $3)",
        account,
        f"{account}@unified.example",
        active,
    )
    return account


async def token_for(owner: asyncpg.Connection, account: uuid.UUID) -> Any:
    event = {"user_id": str(account), "claims": CLAIMS, "authentication_method": "token_refresh"}
    await owner.execute("SET LOCAL ROLE supabase_auth_admin")
    answer = await owner.fetchval(CALL, json.dumps(event))
    await owner.execute("RESET ROLE")
    return json.loads(answer)


async def test_active_people_and_strangers_get_their_token(owner: asyncpg.Connection) -> None:
    for account in (await person(owner, active=True), uuid.uuid4()):
        assert await token_for(owner, account) == {"claims": CLAIMS}


async def test_closed_people_do_not(owner: asyncpg.Connection) -> None:
    answer = await token_for(owner, await person(owner, active=False))
    assert answer == {"error": {"http_code": 403, "message": "This account has been closed."}}


@pytest.mark.parametrize("role", ["anon", "authenticated", API_ROLE])
async def test_nobody_else_may_ask(owner: asyncpg.Connection, role: str) -> None:
    await owner.execute(f"SET LOCAL ROLE {role}")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.fetchval(CALL, json.dumps({"user_id": str(uuid.uuid4())}))


async def test_supabase_auth_reads_no_table(owner: asyncpg.Connection) -> None:
    await owner.execute("SET LOCAL ROLE supabase_auth_admin")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await owner.fetch("SELECT * FROM public.users")
