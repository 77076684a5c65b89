"""A job that kills each worker which takes it up is given up like one that fails."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from app.core.pagination import PageRequest
from app.domain.outreach.job import JobStatus
from app.services.context import SYSTEM
from app.services.factories import Services
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import environment_of
from tests.jobs.conftest import enqueue, jobs
from tests.jobs.fatal import FATAL, HARMLESS, KILLS

pytestmark = pytest.mark.full

BACKEND = Path(__file__).parents[2]


async def run_until_it_ends(services: Services) -> tuple[int | None, bytes]:
    """Run a worker; return its exit code and its log."""
    environment = environment_of(services.database, "http://127.0.0.1:9/auth/v1")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.jobs.fatal"),
        cwd=BACKEND,
        env={**os.environ, **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, output + errors


async def test_it_is_given_up_and_others_are_done(services: Services) -> None:
    await enqueue(services, FATAL)
    for _ in range(KILLS):
        code, log = await run_until_it_ends(services)
        assert code == -signal.SIGKILL, log.decode()
    await enqueue(services, HARMLESS)
    code, log = await run_until_it_ends(services)
    assert code == 0, log.decode()
    assert b"job_given_up" in log
    (given_up,) = (await services.jobs(SYSTEM).list(PageRequest(), statuses=[])).items
    assert (given_up.name, given_up.status, given_up.failures) == (FATAL, JobStatus.FAILED, KILLS)
    assert "WorkersDiedError" in (given_up.last_failure or "")
    await services.jobs(SYSTEM).retry(given_up.id)
    (job,) = await jobs(services)
    assert (job.status, job.attempts, job.headers) == ("queued", 0, None)
