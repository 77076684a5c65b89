from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import CertificationPeriod, Requirement, User
from app.services.content.seed import SeedService
from app.services.context import SYSTEM
from tests.cli.conftest import Invoke


async def seeded(database: Database) -> None:
    service = SeedService(database, SYSTEM)
    await service.modules()
    assert len((await service.requirements()).requirements) == 6
    assert (await service.requirements()).requirements == []


async def test_reconcile(
    invoke: Invoke, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    await seeded(committed_database)
    dry = await invoke("requirements", "reconcile", "--dry-run")
    assert dry.exit_code == 0
    assert "enrollments would be made" in dry.stdout
    assert "1 people looked at. 0 statuses and 0 periods were written" not in dry.stdout
    first = await invoke("requirements", "reconcile")
    assert "2 enrollments were made" in " ".join(first.stdout.split())
    again = await invoke("requirements", "reconcile", "--user", learner.email)
    assert " ".join(again.stdout.split()) == (
        "1 people looked at. 0 statuses and 0 periods were written; "
        "0 enrollments were made, 0 dated anew, 0 withdrawn."
    )


async def test_seeding_enrolls_nobody(
    committed_database: Database, session: AsyncSession, learner: User
) -> None:
    await seeded(committed_database)
    assert await session.scalar(select(func.count()).select_from(Requirement)) == 6
    periods = select(func.count()).select_from(CertificationPeriod)
    assert await session.scalar(periods) == 2


async def test_unknown_person(invoke: Invoke) -> None:
    result = await invoke("requirements", "reconcile", "--user", "nobody@unified.example")
    assert result.exit_code == 1


async def test_pending(invoke: Invoke) -> None:
    result = await invoke("requirements", "reconcile", "--pending")
    assert result.exit_code == 0
