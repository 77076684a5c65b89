"""Behind a proxy that takes a path away, or leaves it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from tests.conftest import serving
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    """Commits, so that the application's own connections see its people."""
    async with committed_database.writing() as session:
        yield session


@pytest.fixture
async def api(
    committed_database: Database, keys: LocalKeys, auth_admin: InMemoryAuthAdmin
) -> AsyncIterator[Api]:
    async with serving(committed_database, keys, auth_admin, root_path="/training") as api:
        yield api


async def test_locations_lead_through_the_proxy(api: Api, author: User) -> None:
    made = await api.post("/modules", author, json={"title": "Radiation"})
    location = made.headers["Location"]
    assert location == f"/training/api/v1/modules/{made.json()['id']}"
    for path in (location, location.removeprefix("/training")):
        assert (await api.client.get(path, headers=api.bearer(author))).status_code == 200


@pytest.mark.full
async def test_the_document_names_the_path(api: Api) -> None:
    document = (await api.client.get("/openapi.json")).json()
    assert [server["url"] for server in document["servers"]] == ["/training"]
