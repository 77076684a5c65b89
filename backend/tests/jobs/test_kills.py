"""Workers are killed under load: every job is done, and its effect is there once.

TEST_KILLS=50 TEST_JOBS=10000 is the longer run of docs/reliability.md.
"""

import asyncio
import os
import random
import signal
import sys
import time
from asyncio.subprocess import Process
from pathlib import Path

import pytest

from app.core.database import Database
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import environment_of
from tests.jobs.effects import enqueue_many, prepare, tally

pytestmark = pytest.mark.full

KILLS = int(os.environ.get("TEST_KILLS", "3"))
JOBS = int(os.environ.get("TEST_JOBS", "600"))
WORKERS = 2
BACKEND = Path(__file__).parents[2]


async def start(database: Database) -> Process:
    environment = environment_of(database, "http://127.0.0.1:9/auth/v1")
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.jobs.effects"),
        cwd=BACKEND,
        env={**os.environ, **environment},
    )


async def until_done(database: Database, count: int) -> None:
    """Wait until so many jobs have had their effect."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await tally(database))["effects"] < count:  # noqa: ASYNC110  # others do them
            await asyncio.sleep(0.05)


async def until_none_is_left(database: Database) -> None:
    """Wait as long as there is progress: how much is left depends on the machine."""
    left = (await tally(database))["left"]
    while left:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await tally(database))["left"] >= left:  # noqa: ASYNC110  # others do them
                await asyncio.sleep(0.05)
        left = (await tally(database))["left"]


async def test_kill_9_loses_nothing_and_does_nothing_twice(
    committed_database: Database, postgres: EmbeddedPostgres
) -> None:
    await prepare(postgres.dsn(committed_database.engine.url.database or ""))
    workers = [await start(committed_database) for _ in range(WORKERS)]
    try:
        for kill in range(KILLS):
            await enqueue_many(committed_database, JOBS // KILLS)
            await until_done(committed_database, kill * (JOBS // KILLS) * 9 // 10 + 1)
            victim = random.randrange(WORKERS)  # noqa: S311  # whichever
            workers[victim].send_signal(signal.SIGKILL)
            await workers[victim].wait()
            workers[victim] = await start(committed_database)
        killed = time.monotonic()
        await until_none_is_left(committed_database)
        seconds = time.monotonic() - killed
    finally:
        for worker in workers:
            worker.kill()
            await worker.wait()
    done = KILLS * (JOBS // KILLS)
    found = await tally(committed_database)
    print(f"{KILLS} kills, {found}, all done {seconds:.1f} s after the last")  # noqa: T201  # the figure of docs/reliability.md
    assert (found["effects"], found["counted"], found["given_up"]) == (done, done, 0)
