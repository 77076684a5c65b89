from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from devstack.auth import AuthStore, Hooks, Message, Project, SigningKeys, create_auth_app

SERVICE_KEY = "sb_secret_development"
PREFIX = "/auth/v1"


@dataclass
class Stack:
    """The stand-in with a clock to turn and a mailbox to read."""

    store: AuthStore
    keys: SigningKeys
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    mailbox: list[Message] = field(default_factory=list)
    hooks: Hooks = field(default_factory=Hooks)
    project: Project = field(default_factory=Project)

    def app(self, origin: str = "http://stack", access_token_seconds: int = 3600) -> Starlette:
        auth = create_auth_app(
            self.store,
            self.keys,
            issuer=f"{origin}{PREFIX}",
            service_key=SERVICE_KEY,
            environment="development",
            access_token_seconds=access_token_seconds,
            now=lambda: self.now,
            deliver=self.mailbox.append,
            hooks=self.hooks,
            project=self.project,
        )
        return Starlette(routes=[Mount(PREFIX, auth)])

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def keys(tmp_path: Path) -> SigningKeys:
    return SigningKeys.load_or_create(tmp_path / "keys" / "signing.json")


@pytest.fixture
async def store(database: str) -> AsyncIterator[AuthStore]:
    async with AuthStore.open(database) as opened:
        yield opened


@pytest.fixture
def stack(store: AuthStore, keys: SigningKeys) -> Stack:
    return Stack(store, keys)


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(stack) as opened:
        yield opened


def client_of(stack: Stack, **headers: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(stack.app()),
        base_url=f"http://stack{PREFIX}/",
        headers={"X-Supabase-Api-Version": "2024-01-01"} | headers,
    )


@pytest.fixture
def service_headers() -> dict[str, str]:
    return {"apikey": SERVICE_KEY, "Authorization": f"Bearer {SERVICE_KEY}"}
