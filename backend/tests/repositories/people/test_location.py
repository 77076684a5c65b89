from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.core.pagination import PageRequest
from app.repositories.people.location import LocationRepository
from tests.factories.user import make_location, make_user
from tests.repositories.conftest import impatient

GONE = datetime(2026, 1, 1, tzinfo=UTC)


class TestLive:
    async def test_deleted_ones_are_only_found_for_restoring(self, store: AsyncSession) -> None:
        kept = await make_location(store, name="North")
        gone = await make_location(store, name="South", deleted_at=GONE)
        locations = LocationRepository(store)
        assert await locations.not_deleted(kept.id) is kept
        assert await locations.not_deleted(gone.id) is None
        assert await locations.named("south") is None
        assert await locations.named("NORTH") is kept
        assert await locations.by_id(gone.id) is gone
        page = await locations.list_not_deleted(PageRequest(include_total=True))
        assert (page.items, page.total) == ([kept], 1)

    async def test_one_live_location_for_one_name(self, store: AsyncSession) -> None:
        await make_location(store, name="North")
        with pytest.raises(IntegrityError):
            await make_location(store, name="NORTH")

    async def test_deleted_ones_do_not_hold_a_name(self, store: AsyncSession) -> None:
        for _ in range(2):
            await make_location(store, name="North", deleted_at=GONE)
        await make_location(store, name="North")

    async def test_restoring_a_taken_name_is_refused(self, store: AsyncSession) -> None:
        gone = await make_location(store, name="North", deleted_at=GONE)
        await make_location(store, name="north")
        gone.deleted_at = None
        with pytest.raises(IntegrityError):
            await store.flush()


async def test_people_are_the_active_ones(store: AsyncSession) -> None:
    office = await make_location(store)
    await make_user(store, location_id=office.id)
    await make_user(store, location_id=office.id, is_active=False)
    await make_user(store)
    assert await LocationRepository(store).people_count(office.id) == 1


async def test_managers_are_replaced(session: AsyncSession) -> None:
    office, other = await make_location(session), await make_location(session)
    first, second, third = [(await make_user(session)).id for _ in range(3)]
    locations = LocationRepository(session)
    await locations.replace_managers(other.id, [first])
    for ids in ([first, second], [second, third, second], [third], []):
        await locations.replace_managers(office.id, ids)
        assert await locations.manager_ids(office.id) == sorted(set(ids))
    assert await locations.manager_ids(other.id) == [first]


async def test_a_locked_location_makes_others_wait(committed_database: Database) -> None:
    async with committed_database.writing() as first, committed_database.writing() as second:
        office = await make_location(first)
        await LocationRepository(first).not_deleted(office.id, lock=True)
        await impatient(second)
        with pytest.raises(DBAPIError, match="lock timeout"):
            await LocationRepository(second).by_id(office.id, lock=True)
