from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.routers.deps import App, Guard, PersonId
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.compliance.training import Trainings
from app.services.context import RequestContext

router = APIRouter(prefix="/users/{user_id}/trainings", tags=["users"], route_class=StrictRoute)

Reader = Annotated[RequestContext, Depends(Guard(Permission.PROFILE))]


@router.get("", response_model=Trainings)
async def read_trainings(user_id: PersonId, context: Reader, app: App) -> Response:
    """List what is asked of a person and what they chose: to do first, the soonest due on top.

    `/users/me/trainings` is one's own.
    """
    return await respond(app.trainings(context).of_user(user_id))
