from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.domain.fields import Day
from app.routers.deps import App, Guard, PersonId
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
    user_id: PersonId,
    context: Reader,
    app: App,
    as_of: Day | None = None,
    known_on: Day | None = None,
) -> Response:
    """Return for every requirement the person's status, the reason for it, and what comes next.

    `as_of` is the day asked about. `known_on` is the day whose knowledge is used. Both are today
    if they are left out.
    """
    return await respond(app.compliance(context).of_user(user_id, as_of, known_on))
