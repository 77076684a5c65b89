from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from app.devstack.storage import StorageStore, create_storage_app

SERVICE_KEY = "sb_secret_development"
PREFIX = "/storage/v1"


@dataclass
class Stack:
    """The stand-in with a clock to turn."""

    store: StorageStore
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def app(self, _origin: str = "") -> Starlette:
        storage = create_storage_app(
            self.store,
            service_key=SERVICE_KEY,
            environment="development",
            now=lambda: self.now,
        )
        return Starlette(routes=[Mount(PREFIX, storage)])

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def blobs(self) -> int:
        return len(list((self.store.folder / "blobs").iterdir()))


@pytest.fixture
async def stack(database: str, tmp_path: Path) -> AsyncIterator[Stack]:
    async with StorageStore.open(database, tmp_path / "storage") as store:
        yield Stack(store)


@pytest.fixture
async def anonymous(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(stack.app())
    async with httpx.AsyncClient(transport=transport, base_url=f"http://stack{PREFIX}/") as opened:
        yield opened


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Hold the service key."""
    transport = httpx.ASGITransport(stack.app())
    headers = {"Authorization": f"Bearer {SERVICE_KEY}"}
    async with httpx.AsyncClient(
        transport=transport, base_url=f"http://stack{PREFIX}/", headers=headers
    ) as opened:
        yield opened
