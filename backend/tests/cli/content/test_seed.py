import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base
from app.models import AuditEvent, Department, Location, ModuleVersion, TrainingModule, User
from tests.cli.conftest import Invoke

pytestmark = pytest.mark.full

SEEDED: tuple[type[Base], ...] = (
    AuditEvent,
    Department,
    Location,
    ModuleVersion,
    TrainingModule,
    User,
)


async def counts(session: AsyncSession) -> dict[str, int]:
    return {
        model.__tablename__: await session.scalar(select(func.count()).select_from(model)) or 0
        for model in SEEDED
    }


async def test_seeding_again_changes_nothing(invoke: Invoke, session: AsyncSession) -> None:
    first = await invoke("seed", "--demo")
    assert first.exit_code == 0
    made = await counts(session)
    assert made["training_modules"] == made["module_versions"] >= 6
    assert made["locations"] >= 2
    assert f"{made['locations']} locations and {made['users']} people are new." in first.stdout
    assert f"{made['training_modules']} modules are new." in first.stdout
    again = await invoke("seed", "--demo")
    assert again.stdout == (
        "0 locations and 0 people are new.\n0 modules are new.\n0 requirements are new.\n"
    )
    assert await counts(session) == made


async def test_without_the_demonstration_nobody_is_made(
    invoke: Invoke, session: AsyncSession
) -> None:
    assert (await invoke("seed")).exit_code == 0
    made = await counts(session)
    assert (made["users"], made["locations"], made["training_modules"] > 0) == (0, 0, True)


async def test_what_an_author_changed_stays(invoke: Invoke, session: AsyncSession) -> None:
    await invoke("seed")
    module = (await session.scalars(select(TrainingModule).limit(1))).one()
    module.title = "Our own title"
    await session.commit()
    assert (await invoke("seed")).stdout == "0 modules are new.\n0 requirements are new.\n"
    await session.refresh(module)
    assert module.title == "Our own title"
