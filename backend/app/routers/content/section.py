import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.content.part import deletes_part_of, part_deleted
from app.routers.deps import App, Guard, IfMatch
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.content.question import ChangedDraft
from app.schemas.content.section import (
    DeletedParts,
    SectionCreateByKind,
    SectionOrder,
    SectionOrderRead,
    SectionReadByKind,
    SectionUpdate,
)
from app.services.context import RequestContext

router = APIRouter(
    prefix="/modules/{module_id:uuid}/sections", tags=["modules"], route_class=StrictRoute
)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]


@router.post("", response_model=SectionReadByKind, status_code=201)
async def create_section(
    module_id: uuid.UUID, payload: SectionCreateByKind, context: Author, app: App
) -> Response:
    """Add a section to the draft, at the end unless a position is given."""
    made = app.sections(context).create(module_id, payload)
    return await respond(made, f"/modules/{module_id}/sections/{{id}}")


@router.put("/order", response_model=SectionOrderRead)
async def reorder_sections(
    module_id: uuid.UUID,
    payload: SectionOrder,
    context: Author,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Put the sections in this order. The list has to name each section exactly once."""
    return await respond(app.sections(context).reorder(module_id, payload, if_match))


@router.post("/{section_id:uuid}/duplicate", response_model=SectionReadByKind, status_code=201)
async def duplicate_section(
    module_id: uuid.UUID, section_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Copy a section of the draft with its questions to the place after it."""
    made = app.sections(context).duplicate(module_id, section_id)
    return await respond(made, f"/modules/{module_id}/sections/{{id}}")


@router.get("/deleted", response_model=DeletedParts)
async def list_deleted_parts(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """List the sections and questions that were deleted from the draft and may be restored."""
    return json_of(await app.sections(context).deleted(module_id))


@router.post("/{section_id:uuid}/restore", response_model=SectionReadByKind)
async def restore_section(
    module_id: uuid.UUID, section_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Undo the deletion of a section within 30 days: with its questions, to the place it had."""
    return await respond(app.sections(context).restore(module_id, section_id))


@router.get("/{section_id:uuid}", response_model=SectionReadByKind)
async def read_section(
    module_id: uuid.UUID, section_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Read one section of the draft, with the ETag to edit it by."""
    return await respond(app.sections(context).get(module_id, section_id))


@router.patch("/{section_id:uuid}", response_model=SectionReadByKind)
async def update_section(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: SectionUpdate,
    context: Author,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Change a section of the draft. `settings` are replaced as a whole."""
    return await respond(app.sections(context).update(module_id, section_id, payload, if_match))


@router.delete("/{section_id:uuid}", status_code=204, responses=deletes_part_of(ChangedDraft))
async def delete_section(
    module_id: uuid.UUID, section_id: uuid.UUID, context: Author, if_match: IfMatch, app: App
) -> Response:
    """Take a section out of the draft. Published versions keep it."""
    return part_deleted(await app.sections(context).delete(module_id, section_id, if_match))
