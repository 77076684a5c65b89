import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.domain.fields import Day
from app.routers.deps import App, Guard
from app.routers.respond import respond
from app.routers.strict_json import StrictRoute
from app.schemas.compliance.compliance import ComplianceRead
from app.services.context import RequestContext

router = APIRouter(
    prefix="/users/{user_id}/compliance", tags=["compliance"], route_class=StrictRoute
)

Reader = Annotated[RequestContext, Depends(Guard(Permission.PROFILE))]


@router.get("", response_model=ComplianceRead)
async def read_compliance(
    user_id: uuid.UUID,
    context: Reader,
    app: App,
    as_of: Day | None = None,
    known_on: Day | None = None,
) -> Response:
    """Say for every requirement where the person stands, why, and what comes next.

    `as_of` is the day asked about, `known_on` the day whose knowledge is used; both are today
    where nothing else is said.
    """
    return await respond(app.compliance(context).of_user(user_id, as_of, known_on))
