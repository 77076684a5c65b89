"""`training serve` as production runs it: worker processes, signals, and sudden death.

TEST_KILLS=20 TEST_WRITES=10000 is the longer run of docs/reliability.md.
"""

import asyncio
import contextlib
import os
import signal
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import TrainingModule, User
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS, alive, descendants, until_gone
from tests.cli.serving import Server, serve, until_sessions_wait
from tests.factories.module import make_module, publish
from tests.support import LocalKeys

pytestmark = pytest.mark.full

WORKERS = 2
WRITERS = 8
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


async def test_workers_end_with_a_supervisor_that_was_killed(server: Server) -> None:
    """Else they would keep the port, and nobody would restart them."""
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
    """What each write was answered. A write that got no answer is repeated with its key."""

    server: Server
    headers: dict[str, str]
    acknowledged: dict[str, str] = field(default_factory=dict)
    repeated: int = 0

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

    async def reach(self, count: int) -> None:
        while len(self.acknowledged) < count:
            await self.write()


async def test_nothing_acknowledged_is_lost_when_workers_are_killed(
    server: Server, session: AsyncSession, author: User
) -> None:
    ledger = Ledger(server, server.bearer(author))
    for kill in range(1, KILLS + 1):
        target = len(ledger.acknowledged) + WRITES_BETWEEN_KILLS
        writers = [asyncio.create_task(ledger.reach(target)) for _ in range(WRITERS)]
        await ledger.reach(target - WRITES_BETWEEN_KILLS // 2)
        for worker in descendants(server.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        await asyncio.wait_for(asyncio.gather(*writers), PATIENCE_SECONDS)
        assert ledger.repeated >= kill
    rows = await session.execute(select(TrainingModule.title, TrainingModule.id))
    assert {title: str(module_id) for title, module_id in rows} == ledger.acknowledged
    written = await session.scalar(select(func.count()).select_from(TrainingModule))
    assert written == len(ledger.acknowledged) >= KILLS * WRITES_BETWEEN_KILLS
    print(f"{written} writes acknowledged, {ledger.repeated} repeated, 0 lost, 0 twice")  # noqa: T201  # figures to look at with `pytest -rP`
