import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.errors import NotFoundError, PreconditionRequiredError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.models.people.merge import MergeStatus
from app.repositories.people.merge import MERGE_ORDERS, MergeFilter
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.people.merge import MergeCreate, MergeRead
from app.services.context import RequestContext
from app.services.people.employment.errors import PersonErasedError
from app.services.people.merge.service import (
    AlreadyMergedError,
    MergedClosedError,
    MergeDecidedError,
    OwnMergeError,
    UnderWayError,
)
from app.services.people.user import LastAdminError

router = APIRouter(prefix="/merges", tags=["merges"], route_class=StrictRoute)

MergePage = Annotated[PageRequest, paged(MERGE_ORDERS)]
Admin = Annotated[RequestContext, Depends(Guard(Permission.USERS_WRITE))]


@router.get("", response_model=ListOf[MergeRead])
async def list_merges(
    context: Admin,
    app: App,
    page: MergePage,
    status: AnyOf[MergeStatus],
    user_id: AnyOf[uuid.UUID],
) -> Response:
    """List entries that are or were said to be one person, the latest first.

    `user_id` finds either entry.
    """
    filters = MergeFilter(tuple(status), tuple(user_id))
    return json_of(await app.merges(context).list(filters, page))


@router.post(
    "",
    response_model=MergeRead,
    status_code=201,
    responses=refusals(NotFoundError("user"), AlreadyMergedError, OwnMergeError, PersonErasedError),
)
async def propose_merge(payload: MergeCreate, context: Admin, app: App) -> Response:
    """Say that two entries are one person. Nothing changes until another admin confirms it."""
    return await respond(app.merges(context).propose(payload), "/merges/{id}")


@router.get("/{merge_id}", response_model=MergeRead)
async def read_merge(merge_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Read what was said of two entries, and what became of it."""
    return await respond(app.merges(context).get(merge_id))


@router.post(
    "/{merge_id}/confirm",
    response_model=MergeRead,
    responses=refusals(
        AlreadyMergedError,
        LastAdminError,
        MergeDecidedError,
        MergedClosedError,
        OwnMergeError,
        PersonErasedError,
        PreconditionRequiredError,
        UnderWayError,
    ),
)
async def confirm_merge(
    merge_id: uuid.UUID, context: Admin, app: App, if_match: IfMatch
) -> Response:
    """Make one of two entries. What was recorded under either counts for the person.

    The entry that ends is closed for good, and keeps its records. It cannot be undone.
    """
    return await respond(app.merges(context).confirm(merge_id, if_match))


@router.post(
    "/{merge_id}/refuse",
    response_model=MergeRead,
    responses=refusals(MergeDecidedError, OwnMergeError, PreconditionRequiredError),
)
async def refuse_merge(
    merge_id: uuid.UUID, context: Admin, app: App, if_match: IfMatch
) -> Response:
    """Leave both entries as they are. Whoever proposed it may take it back."""
    return await respond(app.merges(context).refuse(merge_id, if_match))
