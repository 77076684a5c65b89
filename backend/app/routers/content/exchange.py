import uuid
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from app.domain.actor import Permission
from app.domain.content.question_bank import BankFormat, OnUnsupported
from app.integrations.question_bank.formats import CODECS
from app.routers.deps import App, Guard
from app.routers.openapi import file_responses
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.content.exchange import ExportReport, ImportReport
from app.services.content.exchange import BankFile, ImportRefusedError
from app.services.content.question import NotAQuizError
from app.services.context import RequestContext

router = APIRouter(
    prefix="/modules/{module_id}/sections/{section_id}/questions",
    tags=["modules"],
    route_class=StrictRoute,
)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]
Format = Annotated[BankFormat, Query(alias="format")]
Flag = Annotated[bool, Query()]

_FILES = [codec.media_type.partition(";")[0] for codec in CODECS.values()]
# Browsers send the file that somebody chose, whose encoding the codec finds out.
_UPLOADS: dict[str, Any] = {
    media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in _FILES
}


@router.get(
    "/export",
    response_model=ExportReport,
    responses=file_responses(*_FILES, X_Not_Carried="How many things the format has no place for")
    | refusals(NotAQuizError),
)
async def export_questions(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    context: Author,
    app: App,
    bank_format: Format,
    report: Flag = False,  # noqa: FBT002  # a query parameter
) -> Response:
    """Export the draft's questions with their answers, or report what the format cannot carry."""
    service = app.exchange(context)
    if report:
        return json_of(await service.export_report(module_id, section_id, bank_format))
    exported = await service.export(module_id, section_id, bank_format)
    codec = CODECS[bank_format]
    headers = {
        "Content-Disposition": f'attachment; filename="questions.{codec.extension}"',
        "X-Not-Carried": str(len(exported.not_carried)),
    }
    return Response(exported.content, headers=headers, media_type=codec.media_type)


@router.post(
    "/import",
    response_model=ImportReport,
    openapi_extra={"requestBody": {"required": True, "content": _UPLOADS}},
    responses=refusals(ImportRefusedError, NotAQuizError),
)
async def import_questions(
    request: Request,
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    context: Author,
    app: App,
    bank_format: Format,
    on_unsupported: OnUnsupported = OnUnsupported.REFUSE,
    dry_run: Flag = False,  # noqa: FBT002  # a query parameter
) -> Response:
    """Import a file into the draft; questions with known ids are changed.

    Everything is imported or nothing, unless `on_unsupported` is `skip`. Then questions that cannot
    be imported are left out and named in `problems`. A file that cannot be read to its end is
    always refused.
    """
    file = BankFile(bank_format, await request.body(), on_unsupported)
    service = app.exchange(context)
    return await respond(service.import_bank(module_id, section_id, file, dry_run=dry_run))
