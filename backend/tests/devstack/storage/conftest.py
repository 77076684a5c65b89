from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from devstack.storage import StorageStore, create_storage_app

VIDEO = bytes(range(256)) * 40
TYPE = {"Content-Type": "video/mp4"}
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


@pytest.fixture
async def bucket(client: httpx.AsyncClient) -> str:
    body = {
        "name": "media",
        "file_size_limit": "10KB",
        "allowed_mime_types": ["video/mp4", "image/*"],
    }
    response = await client.post("bucket", json=body)
    assert response.json() == {"name": "media"}
    return "media"


@pytest.fixture
async def video(client: httpx.AsyncClient, bucket: str) -> str:
    response = await client.post("object/media/lessons/intro.mp4", content=VIDEO, headers=TYPE)
    assert response.json()["Key"] == "media/lessons/intro.mp4"
    return "lessons/intro.mp4"


async def sign_upload(client: httpx.AsyncClient, key: str, *, upsert: bool = False) -> str:
    headers = {"x-upsert": str(upsert).lower()}
    response = await client.post(f"object/upload/sign/media/{key}", headers=headers)
    url: str = response.json()["url"]
    return url.removeprefix("/")


async def sign_download(client: httpx.AsyncClient, key: str, expires_in: int | str = 60) -> str:
    body = {"expiresIn": expires_in}
    response = await client.post(f"object/sign/media/{key}", json=body)
    url: str = response.json()["signedURL"]
    return url.removeprefix("/")


def assert_error(response: httpx.Response, status: int, error: str) -> None:
    """Supabase Storage answers 400 and has the real status in the body."""
    body = response.json()
    assert response.status_code == 400
    assert (body["statusCode"], body["error"]) == (str(status), error)
    assert body["message"]
