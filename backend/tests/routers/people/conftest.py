from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from tests.planting import as_owner, unguarded
from tests.support import RollbackDatabase

Reach = Callable[[str], Awaitable[None]]
"""Lets the day of an announced change come, and the reconciliation that follows it."""


@pytest.fixture
def reach(session: AsyncSession, database: RollbackDatabase) -> Reach:
    async def reach(change_id: str) -> None:
        async with unguarded(session):
            await as_owner(
                session,
                "UPDATE employment_changes SET effective_on = recorded_on"  # noqa: S608  # an id
                f" WHERE id = '{change_id}'",
            )
        await session.commit()
        await ReconciliationService(database, SYSTEM).run()

    return reach
