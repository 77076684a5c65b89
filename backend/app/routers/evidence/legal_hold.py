import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.evidence.legal_hold import HOLD_ORDERS
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.legal_hold import LegalHoldCreate, LegalHoldRead
from app.services.context import RequestContext
from app.services.people.employment.errors import PersonErasedError

router = APIRouter(prefix="/legal-holds", tags=["retention"], route_class=StrictRoute)

HoldPage = Annotated[PageRequest, paged(HOLD_ORDERS)]
Admin = Annotated[RequestContext, Depends(Guard(Permission.RETENTION_WRITE))]


@router.get("", response_model=ListOf[LegalHoldRead])
async def list_legal_holds(
    context: Admin,
    app: App,
    page: HoldPage,
    user_id: AnyOf[uuid.UUID],
    in_force: AnyOf[bool],
) -> Response:
    """List legal holds, newest first."""
    service = app.legal_holds(context)
    return json_of(await service.list(page, user_ids=user_id, in_force=in_force))


@router.post(
    "", response_model=LegalHoldRead, status_code=201, responses=refusals(PersonErasedError)
)
async def place_legal_hold(payload: LegalHoldCreate, context: Admin, app: App) -> Response:
    """Keep everything about a person until the hold is released, even after its retention."""
    return await respond(app.legal_holds(context).place(payload), "/legal-holds/{id}")


@router.get("/{hold_id}", response_model=LegalHoldRead)
async def read_legal_hold(hold_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Read a legal hold, with the ETag to release it by."""
    return await respond(app.legal_holds(context).get(hold_id))


@router.delete("/{hold_id}", status_code=204)
async def release_legal_hold(
    hold_id: uuid.UUID, context: Admin, if_match: IfMatch, app: App
) -> None:
    """Release a hold. It stays on record."""
    await app.legal_holds(context).release(hold_id, if_match)
