"""A server without free connections refuses requests in time, and still reports itself live."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from statistics import quantiles

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import Server, serve, until_sessions_wait
from tests.factories.module import make_module, publish
from tests.support import LocalKeys

pytestmark = pytest.mark.full

CONNECTIONS = 5
CALLERS = 200
BURSTS = 3
REFUSED_WITHIN_MS = 1500
ALIVE_WITHIN_MS = 100
LIMITS = {"DATABASE_POOL_SIZE": str(CONNECTIONS), "DATABASE_MAX_OVERFLOW": "0"}


@pytest.fixture
async def server(committed_database: Database, keys: LocalKeys) -> AsyncIterator[Server]:
    async with serve(committed_database, keys, variables=LIMITS) as server:
        yield server


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    head: bytes
    body: bytes
    milliseconds: float


class Caller:
    """A small HTTP client. Two hundred clients of a real library would keep a processor busy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def get(self, path: str, headers: dict[str, str]) -> Answer:
        lines = [f"GET /api/v1{path} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        started = time.perf_counter()
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(None, 1)[0])
        body = await self._reader.readexactly(length)
        milliseconds = (time.perf_counter() - started) * 1000
        return Answer(int(head.split(None, 2)[1]), head, body, milliseconds)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@pytest.fixture
async def callers(server: Server) -> AsyncIterator[list[Caller]]:
    async with AsyncExitStack() as stack:
        found = []
        for _ in range(CALLERS):
            caller = Caller(*await asyncio.open_connection("127.0.0.1", server.port))
            stack.push_async_callback(caller.close)
            found.append(caller)
        yield found


async def burst(callers: list[Caller], headers: dict[str, str]) -> list[Answer]:
    return await asyncio.gather(*(caller.get("/users/me", headers) for caller in callers))


async def alive_during(calls: asyncio.Task[list[Answer]], server: Server) -> list[float]:
    """Ask whether the server lives, one question at a time, as long as the calls last."""
    caller = Caller(*await asyncio.open_connection("127.0.0.1", server.port))
    taken = []
    while not calls.done():
        answer = await caller.get("/health/live", {})
        assert answer.status == httpx.codes.OK
        taken.append(answer.milliseconds)
    await caller.close()
    return taken


@pytest.fixture
async def reported(
    server: Server, session: AsyncSession, committed_database: Database, learner: User
) -> str:
    """Return the address of the learner's progress in one section."""
    module = await make_module(session)
    await publish(committed_database, module)
    enrolled = await server.client.post(
        "/enrollments", headers=server.bearer(learner), json={"module_id": str(module.id)}
    )
    return f"/enrollments/{enrolled.json()['id']}/sections/{module.sections[0].id}/progress"


@pytest.fixture
async def observer(
    postgres: EmbeddedPostgres, committed_database: Database
) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    yield connection
    await connection.close()


async def test_callers_are_refused_in_time_and_health_is_told(
    server: Server,
    callers: list[Caller],
    reported: str,
    observer: asyncpg.Connection,
    learner: User,
) -> None:
    headers = server.bearer(learner)
    refused: list[Answer] = []
    alive: list[float] = []
    async with observer.transaction():
        # Reports of one enrollment wait for its lock, and each keeps a connection meanwhile.
        await observer.execute("SELECT FROM enrollments FOR UPDATE")
        reports = [
            asyncio.create_task(
                server.client.put(reported, headers=headers, json={"completed": True})
            )
            for _ in range(CONNECTIONS)
        ]
        await asyncio.wait_for(until_sessions_wait(observer, CONNECTIONS), PATIENCE_SECONDS)
        for _ in range(BURSTS):
            calls = asyncio.create_task(burst(callers, headers))
            alive += await alive_during(calls, server)
            refused += await calls
    assert [(await report).status_code for report in reports] == [200] * CONNECTIONS
    slowest, p99 = max(each.milliseconds for each in refused), quantiles(alive, n=100)[98]
    print(f"{len(refused)} refused within {slowest:.0f} ms, live p99 of {len(alive)}: {p99:.1f} ms")  # noqa: T201  # figures to look at with `pytest -rP`
    assert {each.status for each in refused} == {503}
    assert {json.loads(each.body)["code"] for each in refused} == {"overloaded"}
    assert all(b"retry-after: " in each.head.lower() for each in refused)
    assert slowest < REFUSED_WITHIN_MS
    assert p99 < ALIVE_WITHIN_MS
    assert {each.status for each in await burst(callers[:CONNECTIONS], headers)} == {200}
