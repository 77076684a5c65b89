import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.models.evidence.external_evidence import ExternalTrainingStatus
from app.repositories.evidence.external_evidence import ExternalTrainingFilter
from app.routers.deps import App, Guard, IfMatch, PageQuery
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.external_evidence import (
    ExternalTrainingCreate,
    ExternalTrainingRead,
    ExternalTrainingUpdate,
    Review,
)
from app.services.context import RequestContext

router = APIRouter(
    prefix="/external-trainings", tags=["evidence from elsewhere"], route_class=StrictRoute
)

Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]
Submitter = Annotated[RequestContext, Depends(Guard(Permission.EVIDENCE_SUBMIT))]
Verifier = Annotated[RequestContext, Depends(Guard(Permission.EVIDENCE_VERIFY))]


@router.get("", response_model=ListOf[ExternalTrainingRead])
async def list_external_trainings(
    context: Reader,
    app: App,
    page: PageQuery,
    user_id: uuid.UUID | None = None,
    module_id: uuid.UUID | None = None,
    status: ExternalTrainingStatus | None = None,
) -> Response:
    filters = ExternalTrainingFilter(user_id, module_id, status)
    return json_of(await app.external_trainings(context).list(filters, page))


@router.post("", response_model=ExternalTrainingRead, status_code=201)
async def enter_external_training(
    payload: ExternalTrainingCreate, context: Submitter, app: App
) -> Response:
    """Enter a training of one's own, or of somebody one manages. It counts once verified."""
    return await respond(app.external_trainings(context).enter(payload), "/external-trainings/{id}")


@router.get("/{training_id}", response_model=ExternalTrainingRead)
async def read_external_training(training_id: uuid.UUID, context: Reader, app: App) -> Response:
    return await respond(app.external_trainings(context).get(training_id))


@router.patch("/{training_id}", response_model=ExternalTrainingRead)
async def update_external_training(
    training_id: uuid.UUID,
    payload: ExternalTrainingUpdate,
    context: Submitter,
    if_match: IfMatch,
    app: App,
) -> Response:
    return await respond(app.external_trainings(context).update(training_id, payload, if_match))


@router.post("/{training_id}/verify", response_model=ExternalTrainingRead)
async def verify_external_training(
    training_id: uuid.UUID, payload: Review, context: Verifier, if_match: IfMatch, app: App
) -> Response:
    """Verify as a second person. With If-Match only what one has read is verified."""
    return await respond(app.external_trainings(context).verify(training_id, payload, if_match))


@router.post("/{training_id}/reject", response_model=ExternalTrainingRead)
async def reject_external_training(
    training_id: uuid.UUID, payload: Review, context: Verifier, if_match: IfMatch, app: App
) -> Response:
    return await respond(app.external_trainings(context).reject(training_id, payload, if_match))


@router.post("/{training_id}/withdraw", response_model=ExternalTrainingRead)
async def withdraw_external_training(
    training_id: uuid.UUID, payload: Review, context: Verifier, app: App
) -> Response:
    """Record that a verified training was found wrong. The training itself stays."""
    return await respond(app.external_trainings(context).withdraw(training_id, payload))
