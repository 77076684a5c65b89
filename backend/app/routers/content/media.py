import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.pagination import MAX_LIMIT, PageRequest
from app.domain.actor import Permission
from app.domain.content.media.file import MediaState, MediaType
from app.integrations.file_storage import StorageUnavailableError
from app.integrations.pdf.inspector import InspectionUnavailableError
from app.repositories.content.media import MEDIA_ORDERS, MediaFilter
from app.routers.deps import AnyOf, App, Guard, IfMatch, paged
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.content.media import (
    MediaCreate,
    MediaDeclared,
    MediaDownload,
    MediaDownloads,
    MediaRead,
)
from app.services.content.media import MediaInUseError, MediaNotReadyError, MediaNotUploadedError
from app.services.context import RequestContext

router = APIRouter(prefix="/media", tags=["media"], route_class=StrictRoute)

MediaPage = Annotated[PageRequest, paged(MEDIA_ORDERS)]
Reader = Annotated[RequestContext, Depends(Guard(Permission.MEDIA_READ))]
Uploader = Annotated[RequestContext, Depends(Guard(Permission.MEDIA_UPLOAD))]
Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]


@router.get("", response_model=ListOf[MediaRead])
async def list_media(
    context: Author,
    app: App,
    page: MediaPage,
    state: AnyOf[MediaState],
    content_type: AnyOf[MediaType],
) -> Response:
    """List the files for sections, newest first."""
    filters = MediaFilter(tuple(state), tuple(content_type))
    return json_of(await app.media(context).list(filters, page))


@router.post(
    "", response_model=MediaDeclared, status_code=201, responses=refusals(StorageUnavailableError)
)
async def declare_media(payload: MediaCreate, context: Uploader, app: App) -> Response:
    """Announce a file. Send it to `upload` within two hours, then complete it."""
    return await respond(app.media(context).declare(payload), "/media/{id}")


@router.get(
    "/downloads", response_model=MediaDownloads, responses=refusals(StorageUnavailableError)
)
async def sign_media_downloads(
    media_id: Annotated[list[uuid.UUID], Query(min_length=1, max_length=MAX_LIMIT)],
    context: Reader,
    app: App,
) -> Response:
    """Sign URLs for several files at once, such as all pictures of a module."""
    return _not_stored(json_of(await app.media(context).sign_downloads(media_id)))


@router.get("/{media_id:uuid}", response_model=MediaRead)
async def read_media(media_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Read what is known about a file: its state, type and size."""
    return await respond(app.media(context).get(media_id))


@router.post(
    "/{media_id:uuid}/complete",
    response_model=MediaRead,
    responses=refusals(MediaNotUploadedError, StorageUnavailableError, InspectionUnavailableError),
)
async def complete_media(media_id: uuid.UUID, context: Uploader, app: App) -> Response:
    """Have an upload checked. Its `state` is `ready` or `rejected` afterwards."""
    return await respond(app.media(context).complete(media_id))


@router.get(
    "/{media_id:uuid}/download",
    response_model=MediaDownload,
    responses=refusals(MediaNotReadyError, StorageUnavailableError),
)
async def sign_media_download(media_id: uuid.UUID, context: Reader, app: App) -> Response:
    """Sign a URL for reading the file, in parts too (`Range`). It is valid for a few minutes."""
    return _not_stored(json_of(await app.media(context).sign_download(media_id)))


@router.delete(
    "/{media_id:uuid}",
    status_code=204,
    responses=refusals(MediaInUseError, StorageUnavailableError),
)
async def delete_media(media_id: uuid.UUID, context: Uploader, if_match: IfMatch, app: App) -> None:
    """Delete a file that neither content nor evidence uses."""
    await app.media(context).delete(media_id, if_match)


def _not_stored(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    return response
