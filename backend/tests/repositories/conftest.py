"""Both databases behind one fixture, where what is tested is portable."""

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Actor
from app.models import User

BOTH = (
    pytest.param("sqlite", marks=pytest.mark.sqlite),
    pytest.param("session", id="postgres", marks=pytest.mark.postgres),
)


@pytest.fixture(params=BOTH)
def store(request: pytest.FixtureRequest) -> AsyncSession:
    """A session on SQLite in memory, then on PostgreSQL."""
    session: AsyncSession = request.getfixturevalue(request.param)
    return session


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of the suite with the databases that it uses, so that they can be counted."""
    for item in items:
        used = getattr(item, "fixturenames", ())
        for name in ("postgres", "sqlite"):
            if name in used:
                item.add_marker(name)


def actor_of(user: User) -> Actor:
    return Actor(user.id, user.role, user.location_id)


async def impatient(session: AsyncSession) -> None:
    """Let the session's transaction fail where it would have to wait for another."""
    await session.execute(text("SET LOCAL lock_timeout = '50ms'"))
