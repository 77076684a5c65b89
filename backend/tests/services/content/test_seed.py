from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base
from app.models import AuditEvent, Location, ModuleVersion, TrainingModule, User
from app.models.content.module import ModuleStatus
from app.services.content.seed import Seeded, SeedService, demonstration_identities
from app.services.context import SYSTEM
from tests.support import RollbackDatabase

pytestmark = pytest.mark.full


async def rows(session: AsyncSession) -> dict[str, int]:
    return {
        name: await session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in Base.metadata.tables.items()
    }


@pytest.fixture
def seed(database: RollbackDatabase) -> SeedService:
    return SeedService(database, SYSTEM)


class TestModules:
    async def test_every_module_is_published(
        self, seed: SeedService, session: AsyncSession
    ) -> None:
        made = await seed.modules()
        assert len(made.modules) >= 6
        modules = list(await session.scalars(select(TrainingModule)))
        assert {module.status for module in modules} == {ModuleStatus.PUBLISHED}
        assert sorted(module.slug for module in modules) == sorted(made.modules)
        versions = await session.scalars(select(ModuleVersion.number))
        assert set(versions) == {1}

    async def test_again_changes_nothing(self, seed: SeedService, session: AsyncSession) -> None:
        await seed.modules()
        before = await rows(session)
        assert await seed.modules() == Seeded()
        assert await rows(session) == before

    async def test_an_authors_edits_stay(self, seed: SeedService, session: AsyncSession) -> None:
        await seed.modules()
        statement = select(TrainingModule).where(TrainingModule.slug == "hipaa-privacy")
        module = (await session.scalars(statement)).one()
        module.title = "Edited"
        await session.commit()
        await seed.modules()
        await session.refresh(module)
        assert module.title == "Edited"


class TestOrganisation:
    async def test_again_changes_nothing(self, seed: SeedService, session: AsyncSession) -> None:
        made = await seed.organisation()
        assert (made.locations >= 2, made.users >= 5) == (True, True)
        before = await rows(session)
        assert await seed.organisation() == Seeded()
        assert await rows(session) == before

    async def test_spans_time_zones(self, seed: SeedService, session: AsyncSession) -> None:
        await seed.organisation()
        zones = set(await session.scalars(select(Location.time_zone)))
        assert len(zones) >= 2

    async def test_a_manager_who_was_taken_away_stays_away(
        self, seed: SeedService, session: AsyncSession
    ) -> None:
        await seed.organisation()
        statement = select(User).where(User.manager_id.is_not(None)).limit(1)
        user = (await session.scalars(statement)).one()
        user.manager_id = None
        await session.commit()
        await seed.organisation()
        await session.refresh(user)
        assert user.manager_id is None

    async def test_the_identities_are_among_the_staff(
        self, seed: SeedService, session: AsyncSession
    ) -> None:
        await seed.organisation()
        emails = set(await session.scalars(select(User.email).where(User.supabase_id.is_(None))))
        identities = {identity.email for identity in demonstration_identities()}
        assert {"admin", "author", "learner", "learner2", "manager"} <= {
            email.partition("@")[0] for email in identities
        }
        assert identities <= emails


@pytest.mark.parametrize("part", [SeedService.modules, SeedService.organisation])
async def test_every_row_that_matters_is_audited(
    seed: SeedService, session: AsyncSession, part: Callable[[SeedService], Awaitable[Seeded]]
) -> None:
    await part(seed)
    audited = set(await session.scalars(select(AuditEvent.target_id)))
    for model in (TrainingModule, Location, User):
        assert set(await session.scalars(select(model.id))) <= audited
