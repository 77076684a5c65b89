from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.core.database import Database
from app.main import create_app
from tests.conftest import container_for, settings_for
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import ORIGIN, Api, LocalKeys

AWAY = "postgresql://nobody@127.0.0.1:1/nothing"


@pytest.fixture
async def serve(keys: LocalKeys) -> AsyncIterator[Any]:
    """Return a function that serves the application with other settings."""
    opened: list[tuple[httpx.AsyncClient, Database]] = []

    def start(url: str = AWAY, **changes: Any) -> Api:
        settings = settings_for(url, **changes)
        database = Database.from_settings(settings)
        app = create_app(container_for(database, keys, InMemoryAuthAdmin(), settings))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url=ORIGIN)
        opened.append((client, database))
        return Api(client, keys)

    yield start
    for client, database in opened:
        await client.aclose()
        await database.close()
