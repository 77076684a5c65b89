import uuid

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import (
    AppError,
    InvalidPayloadError,
    NotFoundError,
    PreconditionFailedError,
)
from app.core.pagination import PageRequest
from app.models import User
from app.routers.constraints import error_for
from app.schemas.people.location import LocationCreate, LocationUpdate
from app.services.people.location import LocationService
from tests.factories.user import make_user
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition(frozenset({"*"}))
NORTH = LocationCreate(name="North", time_zone="America/Denver")


@pytest.fixture
def locations(database: RollbackDatabase, admin: User) -> LocationService:
    return LocationService(database, acting(admin))


async def north(locations: LocationService) -> tuple[uuid.UUID, Precondition]:
    made = (await locations.create(NORTH)).value
    return made.id, Precondition.parse(made.etag)


class TestEditing:
    async def test_managers_come_with_it(self, locations: LocationService, manager: User) -> None:
        payload = NORTH.model_copy(update={"manager_ids": [manager.id]})
        created = (await locations.create(payload)).value.model_dump(mode="json")
        assert created["manager_ids"] == [str(manager.id)]
        read = await locations.get(uuid.UUID(created["id"]))
        assert read.value.model_dump(mode="json") == created

    async def test_only_what_was_sent_changes(
        self, locations: LocationService, manager: User
    ) -> None:
        location_id, known = await north(locations)
        update = LocationUpdate(manager_ids=[manager.id])
        answer = await locations.update(location_id, update, known)
        after = answer.value.model_dump(mode="json")
        assert (after["name"], after["time_zone"]) == ("North", "America/Denver")
        with pytest.raises(PreconditionFailedError):
            await locations.update(location_id, LocationUpdate(name="South"), known)

    async def test_strangers_manage_nothing(self, locations: LocationService) -> None:
        payload = NORTH.model_copy(update={"manager_ids": [uuid.uuid4()]})
        with pytest.raises(InvalidPayloadError):
            await locations.create(payload)

    async def test_a_taken_name_is_a_conflict(self, locations: LocationService) -> None:
        await north(locations)
        with pytest.raises(IntegrityError) as caught:
            await locations.create(LocationCreate(name="NORTH", time_zone="UTC"))
        known = error_for(caught.value)
        assert known is not None
        assert (known.status, known.code) == (409, "location_name_taken")


class TestDeletion:
    async def test_is_undone(self, locations: LocationService) -> None:
        location_id, known = await north(locations)
        await locations.delete(location_id, known)
        with pytest.raises(NotFoundError):
            await locations.get(location_id)
        listed = await locations.list(PageRequest(include_total=True))
        assert (listed.items, listed.total) == ([], 0)
        for _ in range(2):
            restored = (await locations.restore(location_id)).value.model_dump(mode="json")
            assert restored["name"] == "North"

    async def test_waits_for_the_people(
        self, locations: LocationService, session: AsyncSession
    ) -> None:
        location_id, known = await north(locations)
        person = await make_user(session, location_id=location_id)
        with pytest.raises(AppError) as caught:
            await locations.delete(location_id, known)
        assert caught.value.code == "location_in_use"
        person.is_active = False
        await session.commit()
        await locations.delete(location_id, ANY)

    async def test_the_name_may_be_taken_meanwhile(self, locations: LocationService) -> None:
        location_id, known = await north(locations)
        await locations.delete(location_id, known)
        await north(locations)
        with pytest.raises(IntegrityError) as caught:
            await locations.restore(location_id)
        assert error_for(caught.value) is not None
