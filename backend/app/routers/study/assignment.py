import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.study.assignment import Reverted
from app.services.context import RequestContext

router = APIRouter(prefix="/assignments", tags=["enrollments"], route_class=StrictRoute)

Assigner = Annotated[RequestContext, Depends(Guard(Permission.ENROLLMENTS_ASSIGN))]


@router.post("/{assignment_id}/revert", response_model=Reverted)
async def revert_assignment(assignment_id: uuid.UUID, context: Assigner, app: App) -> Response:
    """Take back a bulk assignment of mine, as far as it is still as it was left.

    What was not begun is withdrawn, what was begun stays without a date, and what was there before
    has its earlier date again. Repeated, it finds nothing more to do.
    """
    return await respond(app.assignments(context).revert(assignment_id))
