import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.compliance.incident import INCIDENT_ORDERS, IncidentFilter
from app.routers.deps import AnyOf, App, Guard, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.compliance.incident import (
    IncidentCreate,
    IncidentRead,
    IncidentWithdraw,
    StepComplete,
)
from app.services.compliance.incident import (
    IncidentWithdrawnError,
    OthersIncidentError,
    OwnIncidentError,
    StepDoneError,
)
from app.services.context import RequestContext

router = APIRouter(prefix="/incidents", tags=["incidents"], route_class=StrictRoute)

IncidentPage = Annotated[PageRequest, paged(INCIDENT_ORDERS)]
Manager = Annotated[RequestContext, Depends(Guard(Permission.INCIDENTS_WRITE))]
Involved = Annotated[RequestContext, Depends(Guard(Permission.STEPS_DO))]


@router.get("", response_model=ListOf[IncidentRead])
async def list_incidents(
    context: Involved,
    app: App,
    page: IncidentPage,
    user_id: AnyOf[uuid.UUID],
    requirement_id: AnyOf[uuid.UUID],
) -> Response:
    """List the incidents that give me a step to do or name people for whom I answer.

    The latest come first.
    """
    filters = IncidentFilter(tuple(user_id), tuple(requirement_id))
    return json_of(await app.incidents(context).list(filters, page))


@router.post("", response_model=IncidentRead, status_code=201)
async def record_incident(payload: IncidentCreate, context: Manager, app: App) -> Response:
    """Record what happened: the people named have to train again, whatever they did before."""
    return await respond(app.incidents(context).record(payload), "/incidents/{id}")


@router.get("/{incident_id}", response_model=IncidentRead)
async def read_incident(incident_id: uuid.UUID, context: Involved, app: App) -> Response:
    """Read an incident with its corrective steps."""
    return await respond(app.incidents(context).get(incident_id))


@router.post(
    "/{incident_id}/withdraw",
    response_model=IncidentRead,
    responses=refusals(IncidentWithdrawnError, OwnIncidentError, OthersIncidentError),
)
async def withdraw_incident(
    incident_id: uuid.UUID, payload: IncidentWithdraw, context: Manager, app: App
) -> Response:
    """Say that an incident was entered by mistake. It stays on record."""
    return await respond(app.incidents(context).withdraw(incident_id, payload))


@router.post(
    "/{incident_id}/steps/{step_id}/complete",
    response_model=IncidentRead,
    responses=refusals(IncidentWithdrawnError, StepDoneError, OthersIncidentError),
)
async def complete_corrective_step(
    incident_id: uuid.UUID,
    step_id: uuid.UUID,
    payload: StepComplete,
    context: Involved,
    app: App,
) -> Response:
    """Record that a corrective step was done, and when.

    Its owner may do so, whatever their role is by then, and whoever answers for everybody whom the
    incident names.
    """
    return await respond(app.incidents(context).complete_step(incident_id, step_id, payload))
