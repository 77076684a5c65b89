import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.core.errors import NotFoundError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.models.content.module import ModuleStatus
from app.repositories.content.module import CATALOGUE_ORDERS, ModuleFilter
from app.repositories.content.version import VERSION_ORDERS
from app.routers.deps import AnyOf, App, Guard, IfMatch, IfNoneMatch, QueryText, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, not_modified, respond, response_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.content.comparison import ModuleComparison
from app.schemas.content.module import (
    ModuleCard,
    ModuleCreate,
    ModuleDraft,
    ModuleFacets,
    ModuleOutline,
    ModuleUpdate,
    Publish,
    VersionDetail,
    VersionRead,
)
from app.services.content.module import ModuleInUseError
from app.services.content.publishing import ModuleNotPublishableError, NothingToPublishError
from app.services.context import RequestContext

router = APIRouter(prefix="/modules", tags=["modules"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.CATALOGUE_READ))]
Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]
ModulePage = Annotated[PageRequest, paged(CATALOGUE_ORDERS)]
VersionPage = Annotated[PageRequest, paged(VERSION_ORDERS)]
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]
VersionNumber = Query(ge=1, le=2_147_483_647)


@router.get("", response_model=ListOf[ModuleCard])
async def list_modules(
    context: Reader,
    app: App,
    page: ModulePage,
    category: AnyOf[QueryText],
    tag: AnyOf[QueryText],
    language: AnyOf[QueryText],
    status: AnyOf[ModuleStatus],
    q: QueryText | None = None,
) -> Response:
    """Search the catalogue. Learners see published modules only, authors see all of them.

    `q` finds words in all their forms and parts of words; where that finds nothing, the words of
    the catalogue that are spelt alike. `"in quotes"` finds a phrase, `-word` leaves out what has
    the word, and `or` finds either.
    """
    filters = ModuleFilter(q, tuple(category), tuple(tag), tuple(language), tuple(status))
    return json_of(await app.modules(context).list(filters, page))


@router.get("/facets", response_model=ModuleFacets)
async def list_module_facets(context: Reader, app: App) -> Response:
    """Count the modules of each category, tag and language that one can find."""
    return json_of(await app.modules(context).facets())


@router.post("", response_model=ModuleDraft, status_code=201)
async def create_module(payload: ModuleCreate, context: Author, app: App) -> Response:
    """Begin a draft."""
    return await respond(app.modules(context).create(payload), "/modules/{id}")


@router.get("/{module_id:uuid}", response_model=ModuleDraft | ModuleOutline)
async def read_module(module_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read the draft with its answers as an author, the published outline as anybody else."""
    return await respond(app.modules(context).get(module_id))


@router.patch("/{module_id:uuid}", response_model=ModuleDraft)
async def update_module(
    module_id: uuid.UUID, payload: ModuleUpdate, context: Author, if_match: IfMatch, app: App
) -> Response:
    """Change the draft. Published versions stay as they are."""
    return await respond(app.modules(context).update(module_id, payload, if_match))


@router.delete("/{module_id:uuid}", status_code=204, responses=refusals(ModuleInUseError))
async def delete_module(module_id: uuid.UUID, context: Author, if_match: IfMatch, app: App) -> None:
    """Delete a module that was never published: 409 `module_in_use` where one was."""
    await app.modules(context).delete(module_id, if_match)


@router.post("/{module_id:uuid}/duplicate", response_model=ModuleDraft, status_code=201)
async def duplicate_module(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """Begin a draft with the content of another, published or not: a copy to change."""
    return await respond(app.modules(context).duplicate(module_id), "/modules/{id}")


@router.post(
    "/{module_id:uuid}/publish",
    response_model=VersionRead,
    status_code=201,
    responses=refusals(ModuleNotPublishableError, NothingToPublishError),
)
async def publish_module(
    module_id: uuid.UUID,
    context: Author,
    if_match: IfMatch,
    app: App,
    payload: Publish | None = None,
) -> Response:
    """Freeze the draft as the next version; 422 with every reason if it cannot be published.

    With If-Match only what was read is published: 412 where somebody has changed it since.
    """
    published = app.modules(context).publish(module_id, payload or Publish(), if_match)
    return await respond(published, "/modules/{module_id}/versions/{number}")


@router.post("/{module_id:uuid}/archive", response_model=ModuleDraft)
async def archive_module(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """Take a module out of the catalogue. Open enrollments can still be completed."""
    return await respond(app.modules(context).archive(module_id))


@router.post("/{module_id:uuid}/restore", response_model=ModuleDraft)
async def restore_module(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """Undo a deletion or an archiving."""
    return await respond(app.modules(context).restore(module_id))


@router.get(
    "/{module_id:uuid}/comparison",
    response_model=ModuleComparison,
    responses=refusals(NotFoundError("version")),
)
async def compare_versions(
    module_id: uuid.UUID,
    context: Author,
    app: App,
    before: Annotated[int | None, VersionNumber] = None,
    after: Annotated[int | None, VersionNumber] = None,
) -> Response:
    """Say what differs between two versions; by default between the current one and the draft."""
    return json_of(await app.comparisons(context).compare(module_id, before, after))


@router.get("/{module_id:uuid}/versions", response_model=ListOf[VersionRead])
async def list_versions(
    module_id: uuid.UUID, context: Author, app: App, page: VersionPage
) -> Response:
    """List the published versions, newest first."""
    return json_of(await app.modules(context).versions(module_id, page))


@router.get("/{module_id:uuid}/versions/{number}", response_model=VersionDetail)
async def read_version(
    module_id: uuid.UUID, number: Number, context: Author, app: App, known: IfNoneMatch
) -> Response:
    """Read a published version as learners see it: immutable, its ETag is its content hash."""
    answer = await app.modules(context).version(module_id, number)
    if answer.value.etag in known:
        return not_modified(answer.value.etag)
    return response_of(answer)
