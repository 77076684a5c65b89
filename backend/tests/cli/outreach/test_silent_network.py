"""The network between a worker and the database falls silent: nothing is refused or answered."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import make_url

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from devstack.postgres import HOST, EmbeddedPostgres
from tests.cli.outreach.test_worker import working
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.silent_network import SilentNetwork, silent_network

pytestmark = pytest.mark.full

SILENT_SECONDS = 60
BACK_WITHIN_SECONDS = 60
ENDS_WITHIN_SECONDS = 35
JOBS = 20


@pytest.fixture
async def network(postgres: EmbeddedPostgres) -> AsyncIterator[SilentNetwork]:
    async with silent_network(HOST, postgres.port) as network:
        yield network


def through(network: SilentNetwork, database: Database) -> dict[str, str]:
    url = make_url(database.engine.url.set(drivername="postgresql"))
    return {
        "DATABASE_URL": url.set(port=network.port).render_as_string(hide_password=False),
        "DATABASE_POOLER": "direct",
    }


async def enqueue(database: Database, name: JobName) -> None:
    async with UnitOfWork(database, SYSTEM) as uow:
        for _ in range(JOBS):
            await uow.queue.enqueue(name)


async def left(database: Database) -> int:
    ((count,),) = await database.read("SELECT count(*) FROM jobs")
    return int(count)


async def until_done(database: Database) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await left(database):  # noqa: ASYNC110  # the queue sets no event
            await asyncio.sleep(0.05)


async def test_it_works_again_and_gives_nothing_up(
    committed_database: Database, network: SilentNetwork
) -> None:
    async with working(committed_database, through(network, committed_database)) as process:
        await enqueue(committed_database, JobName.JOBS_PRUNE)
        await until_done(committed_database)
        network.is_silent = True
        await enqueue(committed_database, JobName.JOBS_PRUNE)
        await asyncio.sleep(SILENT_SECONDS)
        waiting = await left(committed_database)
        network.is_silent = False
        started = time.monotonic()
        await until_done(committed_database)
        seconds = time.monotonic() - started
        assert process.returncode is None
    print(f"{network.lost_bytes} bytes lost, {waiting} jobs done {seconds:.1f} s after")  # noqa: T201  # figures to look at with `pytest -rP`
    assert network.lost_bytes
    assert waiting == JOBS
    assert seconds < BACK_WITHIN_SECONDS


async def test_the_end_is_not_waited_for(
    committed_database: Database, network: SilentNetwork
) -> None:
    async with working(committed_database, through(network, committed_database)) as process:
        await enqueue(committed_database, JobName.JOBS_PRUNE)
        await until_done(committed_database)
        network.is_silent = True
        await enqueue(committed_database, JobName.JOBS_PRUNE)
        await asyncio.sleep(2)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), ENDS_WITHIN_SECONDS + PATIENCE_SECONDS)
        seconds = time.monotonic() - started
    print(f"ended {seconds:.1f} s after SIGTERM")  # noqa: T201  # figures to look at with `pytest -rP`
    assert seconds < ENDS_WITHIN_SECONDS
