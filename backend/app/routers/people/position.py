import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard, IfMatch, PageQuery, PersonId
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.employment import MoveRead
from app.schemas.people.position import (
    PositionCreate,
    PositionMoveRead,
    PositionRead,
    PositionUpdate,
    PrimaryPosition,
)
from app.services.base import EntryMergedError
from app.services.context import RequestContext
from app.services.people.employment.errors import NotEmployedError, PersonErasedError
from app.services.people.position import NotHeldError, OwnPositionError, PrimaryPositionError

router = APIRouter(prefix="/users/{user_id}/positions", tags=["positions"], route_class=StrictRoute)

Admin = Annotated[RequestContext, Depends(Guard(Permission.USERS_WRITE))]
Reader = Annotated[RequestContext, Depends(Guard(Permission.EMPLOYMENT_READ))]


@router.get("", response_model=ListOf[PositionRead])
async def list_positions(user_id: PersonId, context: Reader, app: App, page: PageQuery) -> Response:
    """List where a person works: the primary position first, then the others, past ones too."""
    return json_of(await app.positions(context).list(user_id, page))


@router.post(
    "",
    response_model=PositionMoveRead,
    status_code=201,
    responses=refusals(EntryMergedError, OwnPositionError, PersonErasedError),
)
async def create_position(
    user_id: PersonId, payload: PositionCreate, context: Admin, app: App
) -> Response:
    """Record where else somebody works, and from when on.

    The rules of both offices bind them. The answer says which managers newly see them.
    """
    return await respond(
        app.positions(context).create(user_id, payload), "/users/{user_id}/positions/{id}"
    )


@router.get("/{position_id}", response_model=PositionRead)
async def read_position(
    user_id: PersonId, position_id: uuid.UUID, context: Reader, app: App
) -> Response:
    """Read a position. The primary one has the person's own id."""
    return await respond(app.positions(context).get(user_id, position_id))


@router.patch(
    "/{position_id}",
    response_model=PositionMoveRead,
    responses=refusals(EntryMergedError, OwnPositionError, PersonErasedError, PrimaryPositionError),
)
async def update_position(
    user_id: PersonId,
    position_id: uuid.UUID,
    payload: PositionUpdate,
    context: Admin,
    app: App,
    if_match: IfMatch,
) -> Response:
    """End or correct a position. What was said before stays on record."""
    return await respond(app.positions(context).update(user_id, position_id, payload, if_match))


@router.post(
    "/{position_id}/primary",
    response_model=MoveRead,
    status_code=201,
    responses=refusals(
        EntryMergedError,
        NotEmployedError,
        NotHeldError,
        OwnPositionError,
        PersonErasedError,
        PrimaryPositionError,
    ),
)
async def make_position_primary(
    user_id: PersonId,
    position_id: uuid.UUID,
    payload: PrimaryPosition,
    context: Admin,
    app: App,
) -> Response:
    """Make this the primary position from a day on; the former one goes on beside it.

    What is asked of the person stays as it is, with its dates: they work where they did.
    """
    return await respond(
        app.positions(context).make_primary(user_id, position_id, payload),
        "/users/{user_id}/employment",
    )


@router.delete(
    "/{position_id}",
    status_code=204,
    responses=refusals(EntryMergedError, OwnPositionError, PersonErasedError, PrimaryPositionError),
)
async def withdraw_position(
    user_id: PersonId, position_id: uuid.UUID, context: Admin, app: App, if_match: IfMatch
) -> None:
    """Take back a position that was entered by mistake: compliance is as if it had not been."""
    await app.positions(context).withdraw(user_id, position_id, if_match)
