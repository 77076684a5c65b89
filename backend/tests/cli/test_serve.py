"""`training serve` as production runs it: worker processes, signals, and sudden death.

TEST_KILLS=20 TEST_WRITES=10000 is the longer run of docs/reliability.md.
"""

import asyncio
import contextlib
import errno
import os
import signal
import socket
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg
import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from uvicorn.config import STARTUP_FAILURE

from app.core.database import Database
from app.core.metrics import REFRESH_SECONDS
from app.models import TrainingModule, User
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import (
    AS_ANY_USER,
    PATIENCE_SECONDS,
    alive,
    descendants,
    free_port,
    privileged_port,
    run_training,
    until_gone,
)
from tests.cli.serving import Server, serve, until_sessions_wait
from tests.factories.module import make_module, publish
from tests.support import LocalKeys

pytestmark = pytest.mark.full

WORKERS = 2
WRITERS = 8
REQUESTS = 20
HELD = 6
KILLS = int(os.environ.get("TEST_KILLS", "5"))
WRITES_BETWEEN_KILLS = int(os.environ.get("TEST_WRITES", "1000")) // KILLS


@pytest.fixture
async def server(committed_database: Database, keys: LocalKeys) -> AsyncIterator[Server]:
    async with serve(committed_database, keys, workers=WORKERS) as server:
        yield server


async def test_a_request_in_flight_is_finished_before_the_end(
    server: Server,
    session: AsyncSession,
    committed_database: Database,
    postgres: EmbeddedPostgres,
    learner: User,
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    headers = server.bearer(learner)
    enrolled = await server.client.post(
        "/enrollments", headers=headers, json={"module_id": str(module.id)}
    )
    enrollment_id = enrolled.json()["id"]
    path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
    running = descendants(server.process.pid)
    assert len(running) >= WORKERS
    observer = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    try:
        async with observer.transaction():
            await observer.execute(
                "SELECT FROM enrollments WHERE id = $1 FOR UPDATE", uuid.UUID(enrollment_id)
            )
            report = asyncio.create_task(
                server.client.put(path, headers=headers, json={"completed": True})
            )
            await asyncio.wait_for(until_sessions_wait(observer, 1), PATIENCE_SECONDS)
            server.process.send_signal(signal.SIGTERM)
            done, _ = await asyncio.wait({report}, timeout=0.5)
            assert not done
            assert server.process.returncode is None
    finally:
        await observer.close()
    answer = await report
    assert (answer.status_code, answer.json()["enrollment"]["status"]) == (200, "completed")
    assert await asyncio.wait_for(server.process.wait(), PATIENCE_SECONDS) == 0
    await asyncio.wait_for(until_gone(running), PATIENCE_SECONDS)
    with pytest.raises(httpx.ConnectError):
        await server.client.get("/health/live")


@pytest.mark.parametrize("workers", [1, WORKERS])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_the_port_is_closed_before_requests_in_flight_are_finished(  # noqa: PLR0913, PLR0917  # fixtures
    committed_database: Database,
    keys: LocalKeys,
    postgres: EmbeddedPostgres,
    learner: User,
    workers: int,
    number: signal.Signals,
) -> None:
    """Otherwise the kernel would accept new connections that nobody would ever answer."""
    observer = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    async with serve(committed_database, keys, workers=workers) as server:
        async with observer.transaction():
            await observer.execute("LOCK TABLE users, enrollments IN ACCESS EXCLUSIVE MODE")
            asked = server.client.get("/enrollments", headers=server.bearer(learner))
            asking = asyncio.create_task(asked)
            await asyncio.wait_for(until_sessions_wait(observer, 1), PATIENCE_SECONDS)
            server.process.send_signal(number)
            await asyncio.wait_for(_until_refused(server.port), PATIENCE_SECONDS)
            assert not asking.done()
        assert (await asking).status_code == 200
        assert await asyncio.wait_for(server.process.wait(), PATIENCE_SECONDS) == 0
    await observer.close()


async def _until_refused(port: int) -> None:
    with contextlib.suppress(ConnectionRefusedError):
        while True:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            await asyncio.sleep(0.05)


async def test_workers_count_together(
    committed_database: Database,
    keys: LocalKeys,
    postgres: EmbeddedPostgres,
    learner: User,
) -> None:
    """The figures of a single worker would go up and down, depending on which one answers."""
    observer = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    variables = {"METRICS_ENABLED": "true"}
    async with serve(committed_database, keys, workers=WORKERS, variables=variables) as server:
        for _ in range(REQUESTS):
            # A connection each, so that the kernel gives them to different workers.
            await _get(server, "/api/v1/health/live", server.bearer(learner))
        found = {await _requests(server) for _ in range(REQUESTS)}
        assert found == {REQUESTS}
        headers = server.bearer(learner)
        async with _held(server, observer, headers) as waiting:
            assert {await _checked_out(server) for _ in range(8)} == {HELD}
        await asyncio.gather(*waiting)
        await asyncio.sleep(2 * REFRESH_SECONDS)
        assert await _checked_out(server) == 0
        async with _held(server, observer, headers) as waiting:
            assert await _checked_out(server) == HELD
            for worker in descendants(server.process.pid):
                os.kill(worker, signal.SIGKILL)
            await asyncio.gather(*waiting, return_exceptions=True)
            await server.until_ready()
            await asyncio.sleep(2 * REFRESH_SECONDS)
            # The death of a worker lowers no counter, and the connections that it held are gone.
            assert await _requests(server) == REQUESTS
            assert await _checked_out(server) == 0
    await observer.close()


@contextlib.asynccontextmanager
async def _held(
    server: Server, observer: asyncpg.Connection, headers: dict[str, str]
) -> AsyncIterator[list[asyncio.Task[str]]]:
    """Have requests wait for a lock, each with a connection, while the block is entered."""
    async with observer.transaction():
        await observer.execute("LOCK TABLE users, enrollments IN ACCESS EXCLUSIVE MODE")
        get = partial(_get, server, "/api/v1/enrollments", headers)
        waiting = [asyncio.create_task(get()) for _ in range(HELD)]
        await asyncio.wait_for(until_sessions_wait(observer, HELD), PATIENCE_SECONDS)
        await asyncio.sleep(2 * REFRESH_SECONDS)
        yield waiting


async def _get(server: Server, path: str, headers: dict[str, str]) -> str:
    origin = f"http://127.0.0.1:{server.port}"
    async with httpx.AsyncClient(base_url=origin, timeout=PATIENCE_SECONDS) as client:
        response = await client.get(path, headers=headers)
        response.raise_for_status()
        return response.text


async def _sample(server: Server, name: str) -> float:
    text = await _get(server, "/metrics", {})
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


async def _requests(server: Server) -> float:
    route = "/health/live"
    return await _sample(
        server, f'http_requests_total{{method="GET",route="{route}",status="200"}}'
    )


async def _checked_out(server: Server) -> float:
    return await _sample(server, 'database_pool_connections{state="checked_out"}')


@pytest.mark.parametrize(("proxies", "scheme"), [("127.0.0.1", "https"), ("192.0.2.1", "http")])
async def test_only_a_proxy_that_is_named_says_how_it_was_called(
    committed_database: Database, keys: LocalKeys, proxies: str, scheme: str
) -> None:
    variables = {"FORWARDED_ALLOW_IPS": proxies}
    async with serve(committed_database, keys, variables=variables) as server:
        told = await server.client.get("/health/live", headers={"X-Forwarded-Proto": "https"})
    is_secure = "Strict-Transport-Security" in told.headers
    assert ("https" if is_secure else "http") == scheme


async def test_a_slow_start_is_waited_for(
    committed_database: Database, keys: LocalKeys, tmp_path: Path
) -> None:
    """By itself Uvicorn kills workers that do not answer within five seconds, again and again."""
    # Python runs this at the start of each process.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, time\nif 'multiprocessing' in str(sys.argv): time.sleep(7)\n"
        "if '--multiprocessing-fork' in sys.orig_argv: time.sleep(7)\n"
    )
    variables = {"PYTHONPATH": str(tmp_path)}
    async with serve(committed_database, keys, workers=WORKERS, variables=variables) as server:
        assert (await server.client.get("/health/live")).is_success


NOWHERE = {
    "ENVIRONMENT": "test",
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "SUPABASE_URL": "http://127.0.0.1:9",
    "SUPABASE_SECRET_KEY": "sb_secret_test",
}
"""Settings that are complete, and that nothing answers."""


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_an_application_that_cannot_start_is_a_failure(tmp_path: Path, workers: str) -> None:
    """It is not started again and again."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['app.main'] = None\n")
    variables = NOWHERE | {"PYTHONPATH": str(tmp_path)}
    arguments = ("serve", "--port", str(free_port()), "--workers", workers)
    failed = await run_training(*arguments, environment=variables)
    assert failed.code == STARTUP_FAILURE
    assert "Could not import module" in failed.errors


@pytest.mark.parametrize("workers", ["1", "2"])
class TestAnAddressThatCannotBeHad:
    """Each is told in one line, before anything starts."""

    async def test_of_a_taken_port(self, workers: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            told = await self.refused("--port", str(port), "--workers", workers)
        assert told == f"127.0.0.1, port {port}: {os.strerror(errno.EADDRINUSE)}\n"

    async def test_of_a_port_that_is_not_for_every_user(self, workers: str) -> None:
        port = privileged_port()
        told = await self.refused("--port", str(port), "--workers", workers)
        assert told == f"127.0.0.1, port {port}: {os.strerror(errno.EACCES)}\n"

    async def test_of_another_machine(self, workers: str) -> None:
        told = await self.refused("--host", "192.0.2.1", "--workers", workers)
        assert told == f"192.0.2.1, port 8000: {os.strerror(errno.EADDRNOTAVAIL)}\n"

    async def refused(self, *arguments: str) -> str:
        ended = await run_training("serve", *arguments, environment=NOWHERE, through=AS_ANY_USER)
        assert (ended.code, ended.output) == (1, "")
        return ended.errors


async def test_workers_end_with_a_supervisor_that_was_killed(server: Server) -> None:
    """Otherwise they would keep the port without anybody to restart them."""
    workers = descendants(server.process.pid)
    assert len(workers) >= WORKERS
    server.process.kill()
    try:
        await asyncio.wait_for(until_gone(workers), 10)
    finally:
        for worker in alive(workers):
            os.kill(worker, signal.SIGKILL)


@dataclass
class Ledger:
    """Keeps the answer to each write. A write without an answer is repeated with its key."""

    server: Server
    headers: dict[str, str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    repeated: int = 0
    is_complete: bool = False

    async def write(self) -> None:
        title = str(uuid.uuid4())
        headers = self.headers | {"Idempotency-Key": title}
        while True:
            try:
                answer = await self.server.client.post(
                    "/modules", headers=headers, json={"title": title}
                )
            except httpx.TransportError:
                self.repeated += 1
                await self.server.until_ready()
                continue
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                assert answer.status_code == httpx.codes.CREATED
                self.acknowledged[title] = answer.json()["id"]
                return

    async def keep_writing(self) -> None:
        while not self.is_complete:
            await self.write()

    async def reach(self, count: int) -> None:
        while len(self.acknowledged) < count:
            await self.write()


async def test_nothing_acknowledged_is_lost_when_workers_are_killed(
    server: Server, session: AsyncSession, author: User
) -> None:
    ledger = Ledger(server, server.bearer(author))
    writers = [asyncio.create_task(ledger.keep_writing()) for _ in range(WRITERS)]
    for _ in range(KILLS):
        await ledger.reach(len(ledger.acknowledged) + WRITES_BETWEEN_KILLS)
        repeated = ledger.repeated
        # If no write was under way when a worker was killed, the kill has tested nothing.
        while ledger.repeated == repeated:
            for worker in descendants(server.process.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
            await ledger.write()
    ledger.is_complete = True
    await asyncio.wait_for(asyncio.gather(*writers), PATIENCE_SECONDS)
    rows = await session.execute(select(TrainingModule.title, TrainingModule.id))
    assert {title: str(module_id) for title, module_id in rows} == ledger.acknowledged
    written = await session.scalar(select(func.count()).select_from(TrainingModule))
    assert written == len(ledger.acknowledged) >= KILLS * WRITES_BETWEEN_KILLS
    print(f"{written} writes acknowledged, {ledger.repeated} repeated, 0 lost, 0 twice")  # noqa: T201  # figures to look at with `pytest -rP`
