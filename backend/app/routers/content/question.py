import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.content.part import deletes_part_of, part_deleted
from app.routers.deps import App, Guard, IfMatch
from app.routers.refusals import refusals
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.content.question import (
    ChangedQuiz,
    QuestionCreateByKind,
    QuestionReadByKind,
    QuestionsCreate,
    QuestionUpdate,
)
from app.services.content.question import NotAQuizError, QuestionExistsError
from app.services.context import RequestContext

router = APIRouter(
    prefix="/modules/{module_id:uuid}/sections/{section_id:uuid}/questions",
    tags=["modules"],
    route_class=StrictRoute,
)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]


@router.post(
    "",
    response_model=QuestionReadByKind,
    status_code=201,
    responses=refusals(NotAQuizError, QuestionExistsError),
)
async def create_question(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: QuestionCreateByKind,
    context: Author,
    app: App,
) -> Response:
    """Add a question to a quiz section of the draft, at the end unless a position is given."""
    made = app.questions(context).create(module_id, section_id, payload)
    return await respond(made, f"/modules/{module_id}/sections/{section_id}/questions/{{id}}")


@router.post(
    "/bulk",
    response_model=ListOf[QuestionReadByKind],
    status_code=201,
    responses=refusals(NotAQuizError, QuestionExistsError),
)
async def create_questions(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    payload: QuestionsCreate,
    context: Author,
    app: App,
) -> Response:
    """Add up to 200 questions at the end of a quiz section, or none if one of them is not valid."""
    made = app.questions(context).create_many(module_id, section_id, payload)
    return await respond(made, f"/modules/{module_id}/sections/{section_id}")


@router.post("/{question_id:uuid}/duplicate", response_model=QuestionReadByKind, status_code=201)
async def duplicate_question(
    module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Copy a question of the draft to the place after it."""
    made = app.questions(context).duplicate(module_id, section_id, question_id)
    return await respond(made, f"/modules/{module_id}/sections/{section_id}/questions/{{id}}")


@router.post("/{question_id:uuid}/restore", response_model=QuestionReadByKind)
async def restore_question(
    module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Undo the deletion of a question within 30 days, to the place it had."""
    return await respond(app.questions(context).restore(module_id, section_id, question_id))


@router.get("/{question_id:uuid}", response_model=QuestionReadByKind)
async def read_question(
    module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Read one question of the draft with its answer, and the ETag to edit it by."""
    return await respond(app.questions(context).get(module_id, section_id, question_id))


@router.patch("/{question_id:uuid}", response_model=QuestionReadByKind)
async def update_question(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    question_id: uuid.UUID,
    payload: QuestionUpdate,
    context: Author,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Change a question of the draft. `metadata` is replaced as a whole."""
    service = app.questions(context)
    return await respond(service.update(module_id, section_id, question_id, payload, if_match))


@router.delete("/{question_id:uuid}", status_code=204, responses=deletes_part_of(ChangedQuiz))
async def delete_question(
    module_id: uuid.UUID,
    section_id: uuid.UUID,
    question_id: uuid.UUID,
    context: Author,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Take a question out of the draft. Published versions keep it."""
    service = app.questions(context)
    return part_deleted(await service.delete(module_id, section_id, question_id, if_match))
