"""Whole stories over HTTP, with real commits."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database


@pytest.fixture
async def session(committed_database: Database) -> AsyncIterator[AsyncSession]:
    """A session of its own, so that the factories and users of this folder are committed."""
    async with committed_database.writing() as session:
        yield session
