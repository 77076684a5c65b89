import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.fields import Day
from app.repositories.evidence.source_check import CHECK_ORDERS
from app.routers.deps import App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.source_check import SourceCheckCreate, SourceCheckRead
from app.services.context import RequestContext
from app.services.evidence.source_check import NotStandingError, OwnCredentialError

router = APIRouter(tags=["credentials"], route_class=StrictRoute)

CheckPage = Annotated[PageRequest, paged(CHECK_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]
Verifier = Annotated[RequestContext, Depends(Guard(Permission.EVIDENCE_VERIFY))]
DueBy = Annotated[Day | None, Query(description="The last day; today where it is left out")]


@router.post(
    "/credentials/{evidence_id}/source-checks",
    response_model=SourceCheckRead,
    status_code=201,
    responses=refusals(NotFoundError("credential"), NotStandingError, OwnCredentialError),
)
async def record_source_check(
    evidence_id: uuid.UUID, payload: SourceCheckCreate, context: Verifier, app: App
) -> Response:
    """Record that a card was looked up at its source: where, when, and what was found.

    It changes nothing of the card. One that turns out to be wrong is rejected or withdrawn.
    """
    checked = app.source_checks(context).record(evidence_id, payload)
    return await respond(checked, "/users/{user_id}/credentials")


@router.get("/source-checks", response_model=ListOf[SourceCheckRead])
async def list_source_checks_due(
    context: Reader, app: App, page: CheckPage, due_by: DueBy = None
) -> Response:
    """List the cards that have to be checked again: my own and those of people I manage."""
    return json_of(await app.source_checks(context).due(due_by, page))
