import pytest
from fastapi import FastAPI

from app.container import Container
from app.main import create_app
from tests.conftest import settings_for
from tests.contracts.world import World, build_world
from tests.support import RollbackDatabase


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The application as it is put together; its database is never reached.

    It is for reading. Putting it together and describing it takes seconds.
    """
    return create_app(Container.build(settings_for("postgresql://nobody@127.0.0.1/nothing")))


@pytest.fixture
async def world(database: RollbackDatabase) -> World:
    return await build_world(database)
