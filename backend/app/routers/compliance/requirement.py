import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.repositories.compliance.requirement import REQUIREMENT_ORDERS
from app.routers.deps import App, Guard, IfMatch, paged, repeated
from app.routers.refusals import refusals
from app.routers.respond import BASE_PATH, json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.compliance.requirement import (
    Preview,
    RequirementCreate,
    RequirementDetail,
    RequirementPreview,
    RequirementRead,
    RequirementUpdate,
)
from app.services.compliance.own_duty import OwnDutyError
from app.services.compliance.requirement import NeedsConfirmationError, RequirementTitleTakenError
from app.services.context import RequestContext

router = APIRouter(prefix="/requirements", tags=["requirements"], route_class=StrictRoute)

Admin = Annotated[RequestContext, Depends(Guard(Permission.REQUIREMENTS_WRITE))]
Archived = Annotated[
    list[bool], repeated(description="List what was withdrawn; without it, what was not")
]
RequirementPage = Annotated[PageRequest, paged(REQUIREMENT_ORDERS)]
Confirm = Annotated[bool | None, Query(description="Whatever the number of people")]


@router.get("", response_model=ListOf[RequirementRead])
async def list_requirements(
    context: Admin, app: App, page: RequirementPage, archived: Archived
) -> Response:
    """List the requirements, or those withdrawn."""
    return json_of(await app.requirements(context).list(page, archived=archived))


@router.post(
    "",
    response_model=RequirementDetail,
    status_code=201,
    responses=refusals(NeedsConfirmationError, OwnDutyError, RequirementTitleTakenError),
)
async def create_requirement(payload: RequirementCreate, context: Admin, app: App) -> Response:
    """Create one with its first rule; 409 `needs_confirmation` if that assigns many people."""
    return await respond(app.requirements(context).create(payload), "/requirements/{id}")


@router.get("/{requirement_id}", response_model=RequirementDetail)
async def read_requirement(requirement_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Read a requirement with the rule in force, and the ETag to change it by."""
    return await respond(app.requirements(context).get(requirement_id))


@router.patch(
    "/{requirement_id}",
    response_model=RequirementDetail,
    responses=refusals(NeedsConfirmationError, OwnDutyError, RequirementTitleTakenError),
)
async def update_requirement(
    requirement_id: uuid.UUID,
    payload: RequirementUpdate,
    context: Admin,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Change it; a new rule is a new version. 409 `needs_confirmation` if many are affected."""
    return await respond(app.requirements(context).update(requirement_id, payload, if_match))


@router.delete(
    "/{requirement_id}", status_code=204, responses=refusals(NeedsConfirmationError, OwnDutyError)
)
async def archive_requirement(
    requirement_id: uuid.UUID, context: Admin, if_match: IfMatch, app: App, confirm: Confirm = None
) -> None:
    """Withdraw it from today on; its history stays."""
    await app.requirements(context).archive(requirement_id, if_match, confirm=bool(confirm))


@router.post("/{requirement_id}/preview", response_model=Preview)
async def preview_requirement(
    requirement_id: uuid.UUID,
    context: Admin,
    app: App,
    payload: RequirementPreview | None = None,
) -> Response:
    """Return whom a change of the rule would add and release, without changing anything."""
    service = app.requirements(context)
    return await respond(service.preview(requirement_id, payload or RequirementPreview()))


@router.post(
    "/{requirement_id}/restore",
    response_model=RequirementDetail,
    responses=refusals(NeedsConfirmationError, OwnDutyError, RequirementTitleTakenError),
)
async def restore_requirement(
    requirement_id: uuid.UUID, context: Admin, app: App, confirm: Confirm = None
) -> Response:
    """Undo a withdrawal: its last rule is in force again from today on."""
    return await respond(app.requirements(context).restore(requirement_id, confirm=bool(confirm)))


@router.post("/{requirement_id}/reconcile", response_model=RequirementDetail, status_code=202)
async def reconcile_requirement(requirement_id: uuid.UUID, context: Admin, app: App) -> Response:
    """Work everybody out again in the background; `reconciling` of the requirement is the share."""
    response = await respond(app.requirements(context).reconcile(requirement_id))
    response.status_code = 202
    response.headers["Location"] = f"{BASE_PATH}/requirements/{requirement_id}"
    return response
