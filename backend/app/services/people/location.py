"""Offices."""

import uuid

from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.errors import ConflictError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.people.place import Place, country_of
from app.models import Location
from app.schemas.base import ListOf, given
from app.schemas.people.location import (
    LocationCreate,
    LocationDetail,
    LocationRead,
    LocationUpdate,
)
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
from app.services.compliance.reconciliation import reconcile_people
from app.services.unit_of_work import UnitOfWork

FIELDS = ("name", "time_zone", "country", "state")


class LocationNameTakenError(ConflictError):
    code = "location_name_taken"
    title = "Another location has this name"


class LocationInUseError(ConflictError):
    code = "location_in_use"
    title = "People work at this location, or are to"


class LocationService(Service):
    async def list(self, request: PageRequest) -> ListOf[LocationRead]:
        async with self.reading() as uow:
            page = await uow.locations.list_not_deleted(request)
            return listed(page, LocationRead.model_validate)

    async def get(self, location_id: uuid.UUID) -> Answer[LocationDetail]:
        async with self.reading() as uow:
            return await _answer(
                uow, found(await uow.locations.not_deleted(location_id), "location")
            )

    async def create(self, payload: LocationCreate) -> Answer[LocationDetail]:
        async with self.work() as uow:
            await _check_managers(uow, payload.manager_ids)
            place = _place(payload.country, payload.state)
            location = await uow.locations.add(
                Location(name=payload.name, time_zone=payload.time_zone, **place._asdict())
            )
            await uow.locations.replace_managers(location.id, payload.manager_ids)
            after = {"name": location.name, "time_zone": location.time_zone, **place._asdict()}
            await uow.audit(AuditAction.LOCATION_CREATED, location, after=after)
            return await uow.answer(await _answer(uow, location, created=True))

    async def update(
        self, location_id: uuid.UUID, payload: LocationUpdate, precondition: Precondition
    ) -> Answer[LocationDetail]:
        async with self.work() as uow:
            location = found(await uow.locations.not_deleted(location_id, lock=True), "location")
            precondition.require(location.etag)
            before, after = apply(location, _with_place(location, payload), FIELDS)
            if payload.manager_ids is not MISSING:
                await _check_managers(uow, payload.manager_ids)
                before["manager_ids"] = await uow.locations.manager_ids(location.id)
                after["manager_ids"] = payload.manager_ids
                await uow.locations.replace_managers(location.id, payload.manager_ids)
                location.touch()
            await uow.locations.save(location)
            if after:
                await uow.audit(AuditAction.LOCATION_UPDATED, location, before=before, after=after)
            if after.keys() & {"country", "state"}:
                await reconcile_people(uow, await uow.employment.people_at(location.id))
            return await _answer(uow, location)

    async def delete(self, location_id: uuid.UUID, precondition: Precondition) -> None:
        async with self.work() as uow:
            location = found(await uow.locations.not_deleted(location_id, lock=True), "location")
            precondition.require(location.etag)
            if await self._is_in_use(uow, location.id):
                raise LocationInUseError
            location.deleted_at = await uow.now()
            await uow.audit(AuditAction.LOCATION_DELETED, location)

    async def _is_in_use(self, uow: UnitOfWork, location_id: uuid.UUID) -> bool:
        working = await uow.locations.people_count(location_id)
        return bool(
            working
            or await uow.employment.expected_at(location_id)
            or await uow.positions.expected_at(location_id)
        )

    async def restore(self, location_id: uuid.UUID) -> Answer[LocationDetail]:
        async with self.work() as uow:
            location = found(await uow.locations.by_id(location_id, lock=True), "location")
            if location.deleted_at is not None:
                location.deleted_at = None
                await uow.locations.save(location)
                await uow.audit(AuditAction.LOCATION_RESTORED, location)
            return await uow.answer(await _answer(uow, location))


async def _answer(
    uow: UnitOfWork, location: Location, *, created: bool = False
) -> Answer[LocationDetail]:
    detail = LocationDetail(
        **dict(LocationRead.model_validate(location)),
        manager_ids=await uow.locations.manager_ids(location.id),
    )
    return Answer(detail, created)


def _with_place(location: Location, payload: LocationUpdate) -> LocationUpdate:
    """Return the changes with the country that follows from a state, and the other way round."""
    state = location.state if payload.state is MISSING else payload.state
    country = given(payload.country)
    if payload.country is MISSING and state in {location.state, None}:
        country = location.country
    return payload.model_copy(update=_place(country, state)._asdict())


def _place(country: str | None, state: str | None) -> Place:
    place = Place(country or (country_of(state) if state else None), state)
    if not place.fits:
        raise InvalidPayloadError.at("/state", "other_country", "The state is of another country")
    return place


async def _check_managers(uow: UnitOfWork, user_ids: list[uuid.UUID]) -> None:
    if len(await uow.users.existing_ids(user_ids)) < len(set(user_ids)):
        raise InvalidPayloadError.at(
            "/manager_ids", "unknown_user", "Some of these people do not exist"
        )
