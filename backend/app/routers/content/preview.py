import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard
from app.routers.refusals import refusals
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.content.content import Content
from app.schemas.content.preview import PreviewAttempt, PreviewResult, PreviewStart, PreviewSubmit
from app.services.content.publishing import ModuleNotPublishableError
from app.services.content.question import NotAQuizError
from app.services.context import RequestContext
from app.services.study.attempt_errors import InvalidAnswersError

router = APIRouter(
    prefix="/modules/{module_id:uuid}/preview", tags=["modules"], route_class=StrictRoute
)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]


@router.get("", response_model=Content, responses=refusals(ModuleNotPublishableError))
async def preview_module(module_id: uuid.UUID, context: Author, app: App) -> Response:
    """Read the draft as learners would read it once it is published, without answers.

    An unfinished draft is shown as far as it goes. Nothing of a preview is recorded.
    """
    return json_of(await app.previews(context).content(module_id))


@router.post(
    "/sections/{section_id:uuid}/attempts",
    response_model=PreviewAttempt,
    responses=refusals(ModuleNotPublishableError, NotAQuizError),
)
async def preview_attempt(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    context: Author,
    app: App,
    payload: PreviewStart | None = None,
) -> Response:
    """Draw the questions of an attempt at a quiz of the draft. No attempt is made."""
    started = app.previews(context).start(module_id, section_id, payload or PreviewStart())
    return await respond(started)


@router.post(
    "/sections/{section_id:uuid}/attempts/submit",
    response_model=PreviewResult,
    responses=refusals(ModuleNotPublishableError, NotAQuizError, InvalidAnswersError),
)
async def preview_result(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: PreviewSubmit,
    context: Author,
    app: App,
) -> Response:
    """Grade answers to the questions that a `seed` draws, with the feedback that learners get."""
    return await respond(app.previews(context).submit(module_id, section_id, payload))
