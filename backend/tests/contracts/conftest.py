from typing import Any

import pytest
from fastapi import FastAPI

from app.container import Container
from app.main import create_app
from tests.conftest import settings_for
from tests.contracts.world import World, build_world
from tests.described import without_shared_parts
from tests.support import RollbackDatabase


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The application as it is put together. It is for reading; its database is never reached."""
    return put_together()


@pytest.fixture(scope="session")
def described() -> dict[str, Any]:
    """The application's OpenAPI document, with every part where it is used. It is for reading."""
    return without_shared_parts(put_together().openapi())


def put_together() -> FastAPI:
    return create_app(Container.build(settings_for("postgresql://nobody@127.0.0.1/nothing")))


@pytest.fixture
async def world(database: RollbackDatabase) -> World:
    return await build_world(database)
