import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.people.location import LOCATION_ORDERS
from app.routers.deps import App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.location import (
    LocationCreate,
    LocationDetail,
    LocationRead,
    LocationUpdate,
)
from app.services.compliance.own_duty import OwnDutyError
from app.services.context import RequestContext
from app.services.people.location import LocationInUseError, LocationNameTakenError

router = APIRouter(prefix="/locations", tags=["organisation"], route_class=StrictRoute)

LocationPage = Annotated[PageRequest, paged(LOCATION_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_READ))]
Admin = Annotated[RequestContext, Depends(Guard(Permission.ORGANISATION_WRITE))]


@router.get("", response_model=ListOf[LocationRead])
async def list_locations(context: Reader, app: App, page: LocationPage) -> Response:
    """List the locations by name."""
    return json_of(await app.locations(context).list(page))


@router.post(
    "", response_model=LocationDetail, status_code=201, responses=refusals(LocationNameTakenError)
)
async def create_location(payload: LocationCreate, context: Admin, app: App) -> Response:
    """Make a location. Its time zone decides when a day of its people begins and ends."""
    return await respond(app.locations(context).create(payload), "/locations/{id}")


@router.get("/{location_id:uuid}", response_model=LocationDetail)
async def read_location(location_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Read a location, with the ETag to change it by."""
    return await respond(app.locations(context).get(location_id))


@router.patch(
    "/{location_id:uuid}",
    response_model=LocationDetail,
    responses=refusals(LocationNameTakenError, OwnDutyError),
)
async def update_location(
    location_id: uuid.UUID, payload: LocationUpdate, context: Admin, if_match: IfMatch, app: App
) -> Response:
    """Change a location."""
    return await respond(app.locations(context).update(location_id, payload, if_match))


@router.delete("/{location_id:uuid}", status_code=204, responses=refusals(LocationInUseError))
async def delete_location(
    location_id: uuid.UUID, context: Admin, if_match: IfMatch, app: App
) -> None:
    """Delete a location where nobody works or is going to work; it can be restored."""
    await app.locations(context).delete(location_id, if_match)


@router.post(
    "/{location_id:uuid}/restore",
    response_model=LocationDetail,
    responses=refusals(LocationNameTakenError),
)
async def restore_location(location_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Undo a deletion."""
    return await respond(app.locations(context).restore(location_id))
