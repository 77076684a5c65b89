import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.compliance.exemption import EXEMPTION_ORDERS, ExemptionFilter
from app.routers.deps import AnyOf, App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.compliance.exemption import ExemptionCreate, ExemptionRead, ExemptionRevoke
from app.services.compliance.exemption import AlreadyRevokedError, OwnExemptionError
from app.services.context import RequestContext

router = APIRouter(prefix="/exemptions", tags=["exemptions"], route_class=StrictRoute)

ExemptionPage = Annotated[PageRequest, paged(EXEMPTION_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]
Admin = Annotated[RequestContext, Depends(Guard(Permission.EXEMPTIONS_WRITE))]


@router.get("", response_model=ListOf[ExemptionRead])
async def list_exemptions(
    context: Reader,
    app: App,
    page: ExemptionPage,
    user_id: AnyOf[uuid.UUID],
    requirement_id: AnyOf[uuid.UUID],
) -> Response:
    """List waivers and exemptions: my own, or as a manager or admin those of people I may see."""
    filters = ExemptionFilter(tuple(user_id), tuple(requirement_id))
    return json_of(await app.exemptions(context).list(filters, page))


@router.post(
    "", response_model=ExemptionRead, status_code=201, responses=refusals(OwnExemptionError)
)
async def grant_exemption(payload: ExemptionCreate, context: Admin, app: App) -> Response:
    """Free a person from a requirement, with a reason and optionally a last day."""
    return await respond(app.exemptions(context).grant(payload), "/exemptions/{id}")


@router.get("/{exemption_id}", response_model=ExemptionRead)
async def read_exemption(exemption_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read a waiver or an exemption."""
    return await respond(app.exemptions(context).get(exemption_id))


@router.post(
    "/{exemption_id}/revoke", response_model=ExemptionRead, responses=refusals(AlreadyRevokedError)
)
async def revoke_exemption(
    exemption_id: uuid.UUID, payload: ExemptionRevoke, context: Admin, app: App
) -> Response:
    """End a waiver or an exemption today. It stays on record."""
    return await respond(app.exemptions(context).revoke(exemption_id, payload))
