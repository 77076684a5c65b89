"""The network to the database falls silent under load: nothing is refused, nothing answers."""

import asyncio
import contextlib
import json
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.engine import make_url

from app.core.database import Database
from app.models import User
from devstack.postgres import HOST, EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import Server, serve
from tests.cli.silent_network import SilentNetwork, silent_network
from tests.support import LocalKeys

pytestmark = pytest.mark.full

SILENT_SECONDS = 60
ANSWERED_WITHIN_SECONDS = 45
BACK_WITHIN_SECONDS = 30
ENDS_WITHIN_SECONDS = 35
WORKERS = 2
CALLERS = 48
"""More than the workers have connections: each of them is waited on in the silence."""
BURSTS_IN_A_ROW = 5


@pytest.fixture
async def network(postgres: EmbeddedPostgres) -> AsyncIterator[SilentNetwork]:
    async with silent_network(HOST, postgres.port) as network:
        yield network


@pytest.fixture
async def server(
    network: SilentNetwork, committed_database: Database, keys: LocalKeys
) -> AsyncIterator[Server]:
    url = make_url(committed_database.engine.url.set(drivername="postgresql"))
    variables = {
        "DATABASE_URL": url.set(port=network.port).render_as_string(hide_password=False),
        "DATABASE_POOLER": "direct",
    }
    async with serve(committed_database, keys, workers=WORKERS, variables=variables) as server:
        yield server


async def call(server: Server, user: User) -> str:
    """Ask on a connection of its own, so that any of the workers may answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = ["GET /api/v1/users/me HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in server.bearer(user).items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        answer = await asyncio.wait_for(reader.read(), ANSWERED_WITHIN_SECONDS)
    except TimeoutError:
        return "no answer"
    finally:
        writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(None, 2)[1].decode() if head else "cut off"
    return status if status == "200" else str(json.loads(body)["code"]) if body else status


async def burst(server: Server, user: User) -> Counter[str]:
    return Counter(await asyncio.gather(*(call(server, user) for _ in range(CALLERS))))


async def load(server: Server, user: User, answers: Counter[str]) -> None:
    while True:
        answers[await call(server, user)] += 1


@contextlib.asynccontextmanager
async def under_load(server: Server, user: User) -> AsyncIterator[Counter[str]]:
    answers: Counter[str] = Counter()
    callers = [asyncio.create_task(load(server, user, answers)) for _ in range(CALLERS)]
    await asyncio.sleep(1)
    try:
        yield answers
    finally:
        for caller in callers:
            caller.cancel()
        await asyncio.gather(*callers, return_exceptions=True)


async def seconds_until_all_serve(server: Server, user: User) -> float:
    """Return how long it took until the first of several bursts in a row that were all answered."""
    started = time.monotonic()
    first, good = started, 0
    while good < BURSTS_IN_A_ROW:
        began = time.monotonic()
        good = good + 1 if set(await burst(server, user)) == {"200"} else 0
        first = began if good == 1 else first
    return first - started


async def test_all_workers_serve_again(
    server: Server, network: SilentNetwork, learner: User
) -> None:
    async with under_load(server, learner) as answers:
        network.is_silent = True
        await asyncio.sleep(SILENT_SECONDS)
        network.is_silent = False
        limit = BACK_WITHIN_SECONDS + PATIENCE_SECONDS
        seconds = await asyncio.wait_for(seconds_until_all_serve(server, learner), limit)
    print(f"{dict(answers)}, {network.lost_bytes} bytes lost, served again after {seconds:.1f} s")  # noqa: T201  # figures to look at with `pytest -rP`
    assert network.lost_bytes
    assert set(answers) <= {"200", "database_unavailable", "overloaded"}
    assert seconds < BACK_WITHIN_SECONDS


async def test_the_end_is_not_waited_for(
    server: Server, network: SilentNetwork, learner: User
) -> None:
    async with under_load(server, learner):
        network.is_silent = True
        await asyncio.sleep(2)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(server.process.wait(), ENDS_WITHIN_SECONDS + PATIENCE_SECONDS)
        seconds = time.monotonic() - started
    print(f"ended {seconds:.1f} s after SIGTERM")  # noqa: T201  # figures to look at with `pytest -rP`
    assert seconds < ENDS_WITHIN_SECONDS
