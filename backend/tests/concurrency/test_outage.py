"""PostgreSQL dies under load: callers hear 503 and nothing that was acknowledged is lost."""

import asyncio
import contextlib
import os
import signal
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.domain.actor import Role
from app.models import TrainingModule, User
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS, free_port
from tests.conftest import serving, settings_for
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

OUTAGES = 10
# Ready again after a fraction of a second on an idle machine; a busy one gives no promise of less.
BACK_WITHIN_SECONDS = 10
WRITERS = 8
WRITES_BETWEEN_OUTAGES = 60


@pytest.fixture
async def mortal(tmp_path: Path) -> AsyncIterator[EmbeddedPostgres]:
    """A durable server of its own, on a port that stays the same."""
    server = EmbeddedPostgres(tmp_path / "data", port=free_port())
    await asyncio.to_thread(server.start)
    await asyncio.to_thread(migrate, server.dsn())
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture
async def committed_database(mortal: EmbeddedPostgres) -> AsyncIterator[Database]:
    database = Database.from_settings(settings_for(mortal.dsn(user=API_ROLE)))
    yield database
    await database.close()


@pytest.fixture
async def api(
    committed_database: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> AsyncIterator[Api]:
    async with serving(committed_database, keys, auth_admin) as api:
        yield api


class Ledger:
    """Keeps the answer to each write; one that failed in the outage is repeated with its key."""

    def __init__(self, api: Api, author: User) -> None:
        self._api = api
        self._author = author
        self.acknowledged: dict[str, str] = {}
        self.answers: Counter[int] = Counter()

    async def write(self) -> None:
        title = str(uuid.uuid4())
        headers = {"Idempotency-Key": title}
        while True:
            answer = await self._api.post(
                "/modules", self._author, headers=headers, json={"title": title}
            )
            self.answers[answer.status_code] += 1
            if answer.status_code == httpx.codes.CREATED:
                self.acknowledged[title] = answer.json()["id"]
                return
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert int(answer.headers["Retry-After"]) > 0
            # Sooner than the header asks for, to meet the server while it is starting too.
            await asyncio.sleep(0.05)

    async def reach(self, count: int) -> None:
        while len(self.acknowledged) < count:
            await self.write()


async def restart_at_once(server: EmbeddedPostgres) -> None:
    assert server.pid
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGQUIT)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)


async def test_an_outage_is_told_and_loses_nothing(
    api: Api, mortal: EmbeddedPostgres, committed_database: Database
) -> None:
    async with committed_database.writing() as session:
        author = await make_user(session, role=Role.AUTHOR)
    ledger = Ledger(api, author)
    for _ in range(OUTAGES):
        target = len(ledger.acknowledged) + WRITES_BETWEEN_OUTAGES
        writers = [asyncio.create_task(ledger.reach(target)) for _ in range(WRITERS)]
        await ledger.reach(target - WRITES_BETWEEN_OUTAGES // 2)
        await restart_at_once(mortal)
        answer = await asyncio.wait_for(until_ready(api), BACK_WITHIN_SECONDS)
        assert answer.is_success
        await asyncio.wait_for(asyncio.gather(*writers), PATIENCE_SECONDS)
    assert set(ledger.answers) == {httpx.codes.CREATED, httpx.codes.SERVICE_UNAVAILABLE}
    async with committed_database.reading() as session:
        assert await rows(session) == ledger.acknowledged
    assert committed_database.pool_status()["checked_out"] == 0


async def until_ready(api: Api) -> httpx.Response:
    """Ask as a load balancer does: dead connections of the pool must not outlive the outage."""
    while not (answer := await api.get("/health/ready")).is_success:
        assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        await asyncio.sleep(0.05)
    return answer


async def rows(session: AsyncSession) -> dict[str, str]:
    found = await session.execute(select(TrainingModule.title, TrainingModule.id))
    return {title: str(module_id) for title, module_id in found}
