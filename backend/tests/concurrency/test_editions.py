"""Changes to what the matrix shows are counted, and writers do not wait for each other."""

import asyncio

from sqlalchemy import func, select

from app.core.database import Database
from app.models import ComplianceEdition, Location
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

PATIENCE = 10


async def edition(database: Database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(select(func.sum(ComplianceEdition.number))) or 0)


async def add_location(database: Database, name: str) -> None:
    async with UnitOfWork(database, SYSTEM) as uow:
        await uow.locations.add(Location(name=name, time_zone="UTC"))


async def test_a_writer_does_not_wait_for_one_that_has_counted(
    committed_database: Database,
) -> None:
    await add_location(committed_database, "East")
    before = await edition(committed_database)
    async with UnitOfWork(committed_database, SYSTEM) as uow:
        await uow.locations.add(Location(name="North", time_zone="UTC"))
        async with asyncio.timeout(PATIENCE):
            await add_location(committed_database, "South")
        assert await edition(committed_database) == before + 1
    assert await edition(committed_database) == before + 2


async def test_what_is_rolled_back_was_not_counted(committed_database: Database) -> None:
    before = await edition(committed_database)
    async with UnitOfWork(committed_database, SYSTEM) as uow:
        await uow.locations.add(Location(name="North", time_zone="UTC"))
        uow.discard()
    assert await edition(committed_database) == before
