import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.evidence.external_evidence import EVIDENCE_ORDERS, ExternalEvidenceFilter
from app.repositories.people.visibility import Scope, Whose
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.external_evidence import (
    ExternalEvidenceCreate,
    ExternalEvidenceRead,
    ExternalEvidenceUpdate,
    Review,
)
from app.services.context import RequestContext
from app.services.evidence.external_evidence import (
    AlreadyReviewedError,
    AlreadyWithdrawnError,
    NotVerifiedError,
    SecondPersonError,
)

router = APIRouter(
    prefix="/external-trainings", tags=["external evidence"], route_class=StrictRoute
)

EvidencePage = Annotated[PageRequest, paged(EVIDENCE_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]
Submitter = Annotated[RequestContext, Depends(Guard(Permission.EVIDENCE_SUBMIT))]
Verifier = Annotated[RequestContext, Depends(Guard(Permission.EVIDENCE_VERIFY))]


@router.get("", response_model=ListOf[ExternalEvidenceRead])
async def list_external_evidence(
    context: Reader,
    app: App,
    page: EvidencePage,
    module_id: AnyOf[uuid.UUID],
    status: AnyOf[ExternalEvidenceStatus],
    user_id: AnyOf[uuid.UUID],
    scope: Scope | None = None,
) -> Response:
    """List evidence of training elsewhere: mine, my team's, or of all people I may see."""
    filters = ExternalEvidenceFilter(Whose(tuple(user_id), scope), tuple(module_id), tuple(status))
    return json_of(await app.external_evidence(context).list(filters, page))


@router.post("", response_model=ExternalEvidenceRead, status_code=201)
async def enter_external_evidence(
    payload: ExternalEvidenceCreate, context: Submitter, app: App
) -> Response:
    """Enter a training of my own, or of somebody I manage. It counts once it is verified."""
    return await respond(app.external_evidence(context).enter(payload), "/external-trainings/{id}")


@router.get("/{evidence_id}", response_model=ExternalEvidenceRead)
async def read_external_evidence(evidence_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read one piece of external evidence, with the ETag to review it by."""
    return await respond(app.external_evidence(context).get(evidence_id))


@router.patch(
    "/{evidence_id}", response_model=ExternalEvidenceRead, responses=refusals(AlreadyReviewedError)
)
async def update_external_evidence(
    evidence_id: uuid.UUID,
    payload: ExternalEvidenceUpdate,
    context: Submitter,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Change external evidence that nobody has reviewed yet."""
    return await respond(app.external_evidence(context).update(evidence_id, payload, if_match))


@router.post(
    "/{evidence_id}/verify",
    response_model=ExternalEvidenceRead,
    responses=refusals(AlreadyReviewedError, SecondPersonError),
)
async def verify_external_evidence(
    evidence_id: uuid.UUID, payload: Review, context: Verifier, if_match: IfMatch, app: App
) -> Response:
    """Verify as a second person. With If-Match it is verified only if it is as it was read."""
    return await respond(app.external_evidence(context).verify(evidence_id, payload, if_match))


@router.post(
    "/{evidence_id}/reject",
    response_model=ExternalEvidenceRead,
    responses=refusals(AlreadyReviewedError, SecondPersonError),
)
async def reject_external_evidence(
    evidence_id: uuid.UUID, payload: Review, context: Verifier, if_match: IfMatch, app: App
) -> Response:
    """Reject external evidence, with a reason. Only a second person may."""
    return await respond(app.external_evidence(context).reject(evidence_id, payload, if_match))


@router.post(
    "/{evidence_id}/withdraw",
    response_model=ExternalEvidenceRead,
    responses=refusals(AlreadyWithdrawnError, NotVerifiedError, SecondPersonError),
)
async def withdraw_external_evidence(
    evidence_id: uuid.UUID, payload: Review, context: Verifier, app: App
) -> Response:
    """Record that a verified training was found wrong. The training itself stays."""
    return await respond(app.external_evidence(context).withdraw(evidence_id, payload))
