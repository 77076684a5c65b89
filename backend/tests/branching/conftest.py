import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from app.core.postgres.url import parse_database_url
from branching import Backoff, ManagementApi, ProbeError
from branching.branch import BranchService, Patience
from tests.branching.management_api import PARENT, TOKEN, MockManagementApi

Serve = Callable[[ASGIApp], AbstractAsyncContextManager[str]]

collect_ignore = []
# Both need a Supabase that the caller names; docs/deploy-supabase.md has the commands.
if "SUPABASE_OPENAPI" not in os.environ:
    collect_ignore.append("test_openapi.py")
if "TEST_DATABASE_URL" not in os.environ:
    collect_ignore.append("integration")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "branch: runs against a Supabase given by TEST_... variables"
    )


@dataclass
class FakeTime:
    """Sleeps end at once, but the clock moves on as if they had lasted."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)
    on_sleep: Callable[[], Awaitable[None]] | None = None

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.on_sleep is not None:
            await self.on_sleep()
        await asyncio.sleep(0)

    def backoff(self, first: float = 1.0) -> Backoff:
        return Backoff(
            first=first, sleep=self.sleep, monotonic=lambda: self.now, random=lambda: 1.0
        )


@dataclass
class FakeProbe:
    """Refuses as many connections as a test asks for, then accepts; remembers every address."""

    refusals: int = 0
    keys: int = 1
    urls: list[str] = field(default_factory=list)
    passwords: dict[str, str] = field(default_factory=dict)

    async def select_one(self, database_url: str) -> None:
        parse_database_url(database_url)
        self.urls.append(database_url)
        if self.refusals:
            self.refusals -= 1
            raise ProbeError("database", ConnectionRefusedError())

    async def signing_keys(self, supabase_url: str) -> int:
        self.urls.append(supabase_url)
        return self.keys

    async def set_password(self, owner_url: str, role: str, password: str) -> None:
        parse_database_url(owner_url)
        self.passwords[role] = password


@pytest.fixture
def supabase() -> MockManagementApi:
    return MockManagementApi()


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def probe() -> FakeProbe:
    return FakeProbe()


@pytest.fixture
async def api(supabase: MockManagementApi, time: FakeTime) -> AsyncIterator[ManagementApi]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(supabase.app()),
        base_url="http://management",
        headers={"Authorization": f"Bearer {TOKEN}"},
    ) as http:
        yield ManagementApi(http, PARENT, time.backoff())


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def branches(
    api: ManagementApi, probe: FakeProbe, time: FakeTime, said: list[str]
) -> BranchService:
    return BranchService(api, probe, patience=Patience(time.backoff(2.0), said.append))


@pytest.fixture
def serve() -> Serve:
    """Run an app on a real loopback server."""

    @asynccontextmanager
    async def run(app: ASGIApp) -> AsyncIterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = uvicorn.Config(app, lifespan="off", ws="none", log_config=None)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                await task

    return run
