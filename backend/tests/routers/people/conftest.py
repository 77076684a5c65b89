from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import TrainingModule, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.planting import as_owner, unguarded
from tests.routers.people.directory import Directory
from tests.support import Api, RollbackDatabase

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


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def directory(
    api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
) -> Directory:
    return Directory(api, session, admin, await make_user(session, role=Role.ADMIN), auth_admin)
