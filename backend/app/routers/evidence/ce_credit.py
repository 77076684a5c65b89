from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.domain.actor import Permission
from app.domain.evidence.ce_profile import LicenceProfile
from app.domain.fields import Day
from app.routers.deps import App, Guard, PersonId
from app.routers.respond import json_of
from app.routers.strict_json import StrictRoute
from app.schemas.evidence.ce_credit import CeCredits, LicenceCycles
from app.services.context import RequestContext
from app.services.evidence.ce_credit import CycleQuery

router = APIRouter(
    prefix="/users/{user_id}", tags=["continuing education"], route_class=StrictRoute
)

Reader = Annotated[RequestContext, Depends(Guard(Permission.RECORDS_READ))]


@router.get("/ce-credits", response_model=CeCredits)
async def read_ce_credits(
    user_id: PersonId,
    context: Reader,
    app: App,
    profile: Annotated[LicenceProfile, Query()],
    cycle_end: Annotated[Day, Query(description="The licence's printed expiry")],
    cycle_start: Annotated[Day | None, Query()] = None,
    as_of: Annotated[Day | None, Query()] = None,
) -> Response:
    """Add up the CE hours of a licence cycle. A worked example: verify with the board."""
    query = CycleQuery(profile, cycle_end, cycle_start, as_of)
    return json_of(await app.ce_credits(context).summary(user_id, query))


@router.get("/licence-cycles", response_model=LicenceCycles)
async def read_licence_cycles(
    user_id: PersonId, context: Reader, app: App, as_of: Annotated[Day | None, Query()] = None
) -> Response:
    """Tell where somebody stands in the cycle of each of their licences, by its own expiry.

    Worked examples: each figure is to be verified with the board.
    """
    return json_of(await app.ce_credits(context).of_licences(user_id, as_of))
