"""Runs `training serve` as a process of its own, with a client that signs in by the tests' keys."""

import asyncio
import contextlib
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import asyncpg
import httpx

from app.core.database import Database
from app.models import User
from tests.cli.processes import PATIENCE_SECONDS, free_port, training
from tests.conftest import POOLER
from tests.support import LocalKeys, published


@dataclass(frozen=True, slots=True)
class Server:
    process: Process
    client: httpx.AsyncClient
    keys: LocalKeys
    issuer: str
    port: int

    def bearer(self, user: User) -> dict[str, str]:
        assert user.supabase_id
        token = self.keys.token(user.supabase_id, user.email, iss=self.issuer)
        return {"Authorization": f"Bearer {token}"}

    async def until_ready(self) -> None:
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await self.client.get("/health/ready")).is_success:
                    return
            assert self.process.returncode is None
            await asyncio.sleep(0.05)


def environment_of(database: Database, issuer: str) -> dict[str, str]:
    return {
        "ENVIRONMENT": "test",
        "DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        "DATABASE_POOLER": POOLER,
        "SUPABASE_URL": issuer.removesuffix("/auth/v1"),
        "SUPABASE_SECRET_KEY": "sb_secret_test",
        "LOG_LEVEL": "WARNING",
    }


@contextlib.asynccontextmanager
async def serve(
    database: Database,
    keys: LocalKeys,
    *,
    workers: int = 1,
    with_worker: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Server]:
    """Serve the database; `variables` are added to the environment."""
    port = free_port()
    arguments = ("serve", "--port", str(port), "--workers", str(workers))
    jobs = ("--with-worker",) if with_worker else ()
    with published(keys) as issuer:
        environment = {**environment_of(database, issuer), **variables}
        async with (
            training(*arguments, *jobs, environment=environment, output=DEVNULL) as process,
            httpx.AsyncClient(
                base_url=f"http://127.0.0.1:{port}/api/v1",
                timeout=PATIENCE_SECONDS,
            ) as client,
        ):
            server = Server(process, client, keys, issuer, port)
            await asyncio.wait_for(server.until_ready(), PATIENCE_SECONDS)
            yield server


async def until_sessions_wait(observer: asyncpg.Connection, count: int) -> None:
    """Wait until so many sessions wait for a lock."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    while await observer.fetchval(waiting) < count:
        await observer.execute("SELECT pg_stat_clear_snapshot(), pg_sleep(0.02)")
