"""`training serve` with four workers behind pgbouncer."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.postgres.url import PoolerMode
from devstack.postgres import EmbeddedPostgres
from tests.cli.processes import PATIENCE_SECONDS, free_port, training
from tests.pooler.pgbouncer import pgbouncer
from tests.support import LocalKeys, published

WORKERS = 4
# Of each worker. In session mode each connection needs one to the server. In transaction mode
# there are fewer than are wanted.
POOL = {"DATABASE_POOL_SIZE": "2", "DATABASE_MAX_OVERFLOW": "1", "DATABASE_POOL_TIMEOUT": "30"}
SERVERS = {PoolerMode.TRANSACTION: 4, PoolerMode.SESSION: WORKERS * 3 + 1}


@dataclass(frozen=True, slots=True)
class Pooled:
    """A server behind a pooler."""

    mode: PoolerMode
    origin: str
    issuer: str
    dsn: str
    process: asyncio.subprocess.Process


@pytest.fixture(params=list(SERVERS))
def mode(request: pytest.FixtureRequest) -> PoolerMode:
    return PoolerMode(request.param)


@pytest.fixture
def pooler_dsn(
    postgres: EmbeddedPostgres, committed_database: Database, mode: PoolerMode, tmp_path: Path
) -> Iterator[str]:
    with pgbouncer(tmp_path, postgres.port, mode, servers=SERVERS[mode]) as port:
        yield f"postgresql://api@127.0.0.1:{port}/{committed_database.engine.url.database}"


@pytest.fixture
def issuer(keys: LocalKeys) -> Iterator[str]:
    with published(keys) as url:
        yield url


@pytest.fixture
async def pooled(pooler_dsn: str, mode: PoolerMode, issuer: str) -> AsyncIterator[Pooled]:
    port = free_port()
    environment = {
        "ENVIRONMENT": "test",
        "DATABASE_URL": pooler_dsn,
        "DATABASE_POOLER": mode,
        "SUPABASE_URL": issuer.removesuffix("/auth/v1"),
        "SUPABASE_SECRET_KEY": "sb_secret_test",
        "LOG_LEVEL": "ERROR",
        **POOL,
    }
    arguments = ("serve", "--port", str(port), "--workers", str(WORKERS))
    origin = f"http://127.0.0.1:{port}/api/v1"
    async with training(*arguments, environment=environment) as process:
        await asyncio.wait_for(_until_ready(origin, process), PATIENCE_SECONDS)
        yield Pooled(mode, origin, issuer, pooler_dsn, process)


async def _until_ready(origin: str, process: asyncio.subprocess.Process) -> None:
    async with httpx.AsyncClient(base_url=origin) as client:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await client.get("/health/ready")).is_success:
                    return
            assert process.returncode is None
            await asyncio.sleep(0.05)


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    """A session of its own, not through the pooler; what the factories make is committed."""
    async with committed_database.writing() as session:
        yield session
