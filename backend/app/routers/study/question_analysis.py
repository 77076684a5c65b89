import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.study.question_analysis import QuizAnalysis
from app.services.context import RequestContext

router = APIRouter(tags=["modules"], route_class=StrictRoute)

Author = Annotated[RequestContext, Depends(Guard(Permission.MODULES_WRITE))]
Number = Annotated[int, Path(ge=1, le=2_147_483_647)]


@router.get(
    "/modules/{module_id}/versions/{number}/sections/{section_id}/analysis",
    response_model=QuizAnalysis,
)
async def analyse_quiz(
    module_id: uuid.UUID, number: Number, section_id: uuid.UUID, context: Author, app: App
) -> Response:
    """Read statistics of a published quiz and each of its questions."""
    return await respond(app.question_analysis(context).get(module_id, number, section_id))
