"""Clients that ask for large files and do not read them: everybody else is served as before."""

import asyncio
import time
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from statistics import quantiles

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import User
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import Server, serve
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.support import LocalKeys

pytestmark = pytest.mark.full

PEOPLE = 2_000
STALLED, DRIPPING = 200, 200
AT_ONCE = 4
HEALTHY_REQUESTS = 300
SCHEDULING_MS = 10
"""The clients of this test share the processors with the server."""

CROWD = """
WITH people AS (
    INSERT INTO users (id, email, full_name, role)
    SELECT gen_random_uuid(), 'crowd' || n || '@unified.example', repeat('Name ', 20), 'learner'
      FROM generate_series(1, $1::int) n RETURNING id
)
INSERT INTO compliance_segments (user_id, requirement_id, starts_on, ends_on, status)
SELECT id, $2, date '2020-01-01', date '9999-12-31', 'never_trained' FROM people
"""
IDLE_IN_TRANSACTION = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND state LIKE 'idle in transaction%'
"""


@pytest.fixture
async def owner(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    yield connection
    await connection.close()


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    async with committed_database.writing() as session:
        yield session


@pytest.fixture
async def reader(
    session: AsyncSession, committed_database: Database, owner: asyncpg.Connection
) -> User:
    """An admin whose report of all people is larger than the buffers of a connection."""
    admin = await make_user(session, role=Role.ADMIN)
    module = await make_module(session)
    await publish(committed_database, module)
    requirement = await make_requirement(committed_database, module.id)
    await owner.execute(CROWD, PEOPLE, requirement.id)
    await owner.execute("ANALYZE")
    return admin


@pytest.fixture
async def server(
    committed_database: Database, keys: LocalKeys, reader: User
) -> AsyncIterator[Server]:
    async with serve(committed_database, keys) as server:
        yield server


async def download(server: Server, user: User) -> tuple[StreamReader, StreamWriter]:
    """Repeat the request until the file has been made and its first bytes have arrived."""
    lines = ["GET /api/v1/reports/compliance.json HTTP/1.1", "Host: x"]
    lines += [f"{name}: {value}" for name, value in server.bearer(user).items()]
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4096)
        writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
        if head.startswith(b"HTTP/1.1 200"):
            assert int(head.lower().partition(b"content-length: ")[2].split()[0]) > PEOPLE * 300
            return reader, writer
        assert head.startswith(b"HTTP/1.1 503")
        writer.close()


async def downloads(
    server: Server, user: User, count: int
) -> list[tuple[StreamReader, StreamWriter]]:
    turns = asyncio.Semaphore(AT_ONCE)

    async def one() -> tuple[StreamReader, StreamWriter]:
        async with turns:
            return await download(server, user)

    return await asyncio.gather(*(one() for _ in range(count)))


async def drip(reader: StreamReader) -> None:
    while await reader.read(256):  # noqa: ASYNC110  # it is a client that takes its time
        await asyncio.sleep(1)


async def p99_ms(server: Server, user: User) -> float:
    taken = []
    for _ in range(HEALTHY_REQUESTS):
        started = time.perf_counter()
        answer = await server.client.get("/users/me", headers=server.bearer(user))
        assert answer.status_code == httpx.codes.OK
        taken.append((time.perf_counter() - started) * 1000)
    return quantiles(taken, n=100)[98]


async def test_slow_readers_harm_nobody(
    server: Server, reader: User, owner: asyncpg.Connection
) -> None:
    alone = await p99_ms(server, reader)
    slow = await downloads(server, reader, STALLED + DRIPPING)
    dripping = [asyncio.create_task(drip(each)) for each, _ in slow[:DRIPPING]]
    idle = await owner.fetchval(IDLE_IN_TRANSACTION)
    beside = await p99_ms(server, reader)
    idle += await owner.fetchval(IDLE_IN_TRANSACTION)
    for task in dripping:
        task.cancel()
    await asyncio.gather(*dripping, return_exceptions=True)
    for _, writer in slow:
        writer.transport.abort()
    print(f"p99 {alone:.1f} ms alone, {beside:.1f} ms beside {len(slow)}, {idle} idle")  # noqa: T201  # figures to look at with `pytest -rP`
    assert idle == 0
    assert beside < 2 * alone + SCHEDULING_MS
