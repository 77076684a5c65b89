"""`training worker` as a process: what signals do, and what becomes of jobs when it is killed."""

import asyncio
import contextlib
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from types import MappingProxyType

import psutil
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.outreach.job import JobName
from app.models import Job
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.cli.processes import PATIENCE_SECONDS, training
from tests.cli.serving import environment_of

pytestmark = pytest.mark.full


@contextlib.asynccontextmanager
async def working(
    database: Database, variables: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[Process]:
    """Run a worker, and wait until it says that it has started."""
    environment = environment_of(database, "http://127.0.0.1:9/auth/v1")
    environment |= {"LOG_LEVEL": "INFO", **variables}
    async with training("worker", environment=environment) as process:
        assert process.stderr
        line = await asyncio.wait_for(process.stderr.readline(), PATIENCE_SECONDS)
        assert b"worker_started" in line, line
        yield process


async def left(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Job)) or 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_ends_it_in_order(
    committed_database: Database, session: AsyncSession, number: signal.Signals
) -> None:
    async with UnitOfWork(committed_database, SYSTEM) as uow:
        await uow.queue.enqueue(JobName.IDEMPOTENCY_KEYS_PRUNE)
    async with working(committed_database) as process:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await left(session):  # noqa: ASYNC110  # the queue sets no event
                await asyncio.sleep(0.05)
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        assert process.returncode == 0
    assert b'"event":"job_done"' in errors.replace(b" ", b"")
    assert b"worker_stopped" in errors


IDLE_SECONDS = 20
MEMORY_BYTES = 130_000_000
IDLE_SHARE = 0.005


async def test_one_that_has_nothing_to_do_costs_little(committed_database: Database) -> None:
    async with working(committed_database) as process:
        found = psutil.Process(process.pid)
        await asyncio.sleep(5)  # it has done what was due
        before = sum(found.cpu_times()[:2])
        await asyncio.sleep(IDLE_SECONDS)
        share = (sum(found.cpu_times()[:2]) - before) / IDLE_SECONDS
        memory = found.memory_info().rss
        print(f"{memory / 1e6:.0f} MB, {share:.2%} of a core")  # noqa: T201  # figures for -rP
    assert memory <= MEMORY_BYTES
    assert share <= IDLE_SHARE
