"""`training users reconcile` through the real supabase-py against the stand-in."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import uvicorn
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount

from app.core.database import Database
from app.models import AuditEvent, User
from devstack.auth import AuthStore, SigningKeys, create_auth_app
from devstack.postgres import EmbeddedPostgres
from tests.cli.conftest import Invoke
from tests.factories.user import make_user

KEY = "sb_secret_test"
PEOPLE = 10_000


@pytest.fixture
def owner_dsn(postgres: EmbeddedPostgres, committed_database: Database) -> str:
    name = committed_database.engine.url.database
    assert name is not None
    return postgres.dsn(name)


@pytest.fixture
async def accounts(owner_dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to the database that also holds the accounts."""
    connection = await asyncpg.connect(owner_dsn)
    yield connection
    await connection.close()


@pytest.fixture
async def invoke_reconcile(
    invoke: Invoke, owner_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Invoke]:
    """Run the command while the stand-in listens where SUPABASE_URL says."""
    keys = SigningKeys.load_or_create(tmp_path / "signing.json")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("SUPABASE_URL", origin)
        async with AuthStore.open(owner_dsn) as store:
            issuer = f"{origin}/auth/v1"
            auth = create_auth_app(
                store, keys, issuer=issuer, service_key=KEY, environment="development"
            )
            app = Starlette(routes=[Mount("/auth/v1", auth)])
            config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            yield lambda *arguments: invoke("users", "reconcile", *arguments)
            server.should_exit = True
            await task


GIVE_ACCOUNTS = """
    INSERT INTO auth.users (id, email, email_confirmed_at)
    SELECT supabase_id, email, now() FROM public.users WHERE supabase_id IS NOT NULL
"""


async def test_follows_the_list(
    invoke_reconcile: Invoke, accounts: asyncpg.Connection, session: AsyncSession
) -> None:
    people = [await make_user(session) for _ in range(20)]
    await make_user(session, supabase_id=None, email="imported@unified.example")
    await accounts.execute(GIVE_ACCOUNTS)
    await accounts.execute("DELETE FROM auth.users WHERE id = $1", people[0].supabase_id)
    await accounts.execute(
        "UPDATE auth.users SET email = 'moved@unified.example' WHERE id = $1",
        people[1].supabase_id,
    )
    said = (
        "19 accounts, 20 people with one. 1 people {0} deactivated, 1 addresses {0} changed and "
        "0 confirmed.\nLeft alone: 0 addresses that others have, 0 unconfirmed accounts, "
        "0 accounts without a person.\n1 people without an account:\n  imported@unified.example\n"
    )
    dry = await invoke_reconcile("--dry-run")
    assert (dry.exit_code, dry.stdout) == (0, said.format("would be"))
    done = await invoke_reconcile()
    assert (done.exit_code, done.stdout) == (0, said.format("were"))
    statement = select(User.email, User.is_active).order_by(User.id)
    rows = {row[0]: row[1] for row in await session.execute(statement)}
    assert not rows[people[0].email]
    assert rows["moved@unified.example"]
    again = await invoke_reconcile()
    assert "0 people were deactivated, 0 addresses were changed and 0 confirmed" in again.stdout


async def test_one_deleted_softly_stops_nobody(
    invoke_reconcile: Invoke, accounts: asyncpg.Connection, session: AsyncSession
) -> None:
    people = [await make_user(session) for _ in range(20)]
    await accounts.execute(GIVE_ACCOUNTS)
    headers = {"apikey": KEY, "Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=os.environ["SUPABASE_URL"], headers=headers) as admin:
        address = f"/auth/v1/admin/users/{people[0].supabase_id}"
        body = {"should_soft_delete": True}
        (await admin.request("DELETE", address, json=body)).raise_for_status()
    done = await invoke_reconcile()
    assert (done.exit_code, done.stderr) == (0, "")
    assert "1 people were deactivated, 0 addresses were changed" in done.stdout
    assert "0 people were deactivated" in (await invoke_reconcile()).stdout


async def test_many_missing_people_need_a_confirmation(
    invoke_reconcile: Invoke, accounts: asyncpg.Connection, session: AsyncSession
) -> None:
    people = [await make_user(session) for _ in range(4)]
    await accounts.execute(GIVE_ACCOUNTS)
    await accounts.execute("DELETE FROM auth.users WHERE id = $1", people[0].supabase_id)
    refused = await invoke_reconcile()
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "1 of 4 people have no account in Supabase. Nothing was changed." in refused.stderr
    done = await invoke_reconcile("--confirm")
    assert "1 people were deactivated" in done.stdout
    await accounts.execute("DELETE FROM auth.users")
    empty = await invoke_reconcile("--confirm")
    assert (empty.exit_code, empty.stdout) == (1, "")
    assert "3 people have one by what we know. Nothing was changed." in empty.stderr


async def test_without_supabase(invoke: Invoke, learner: User) -> None:
    result = await invoke("users", "reconcile", "--confirm")
    assert result.exit_code == 1
    assert "The sign-in service cannot be reached" in result.stderr


MANY_PEOPLE = """
    INSERT INTO public.users (id, supabase_id, email, email_confirmed)
    SELECT gen_random_uuid(), gen_random_uuid(), 'p' || n || '@unified.example', true
      FROM generate_series(1, $1::int) AS n
"""


@pytest.mark.full
async def test_ten_thousand_people(
    invoke_reconcile: Invoke, accounts: asyncpg.Connection, session: AsyncSession
) -> None:
    await accounts.execute(MANY_PEOPLE, PEOPLE)
    await accounts.execute(GIVE_ACCOUNTS)
    await accounts.execute(
        "DELETE FROM auth.users WHERE id IN (SELECT id FROM auth.users ORDER BY id LIMIT 200)"
    )
    await accounts.execute(
        "UPDATE auth.users SET email = 'new-' || email"
        " WHERE id IN (SELECT id FROM auth.users ORDER BY id DESC LIMIT 200)"
    )
    started = time.perf_counter()
    done = await invoke_reconcile()
    assert time.perf_counter() - started < 60
    assert done.exit_code == 0, done.stderr
    # All were made at one instant, so that pages miss some of them.
    assert "10000 people with one. 200 people were deactivated" in done.stdout
    assert "200 addresses were changed and 0 confirmed." in done.stdout
    again = await invoke_reconcile()
    assert "0 people were deactivated, 0 addresses were changed and 0 confirmed" in again.stdout
    audited = select(func.count()).select_from(AuditEvent)
    assert await session.scalar(audited) == 400
    closed = select(func.count()).where(~User.is_active)
    assert await session.scalar(closed) == 200
