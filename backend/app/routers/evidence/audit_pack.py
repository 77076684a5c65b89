import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.core.errors import NotFoundError
from app.domain.actor import Permission
from app.domain.fields import Day
from app.routers.deps import App, Guard
from app.routers.openapi import file_responses
from app.routers.refusals import refusals
from app.routers.respond import attachment
from app.routers.strict_json import StrictRoute
from app.services.context import RequestContext
from app.services.evidence.audit_pack import PackQuery

router = APIRouter(prefix="/audit-packs", tags=["audit"], route_class=StrictRoute)

Auditor = Annotated[RequestContext, Depends(Guard(Permission.AUDIT_READ))]
ZIP = "application/zip"


@router.get(
    "",
    response_class=Response,
    responses=file_responses(ZIP) | refusals(NotFoundError("location"), NotFoundError("module")),
)
async def read_audit_pack(
    context: Auditor,
    app: App,
    from_day: Annotated[Day | None, Query(alias="from")] = None,
    to_day: Annotated[Day | None, Query(alias="to")] = None,
    location: uuid.UUID | None = None,
    user_id: uuid.UUID | None = None,
    module_id: uuid.UUID | None = None,
    as_of: Day | None = None,
    known_on: Day | None = None,
) -> Response:
    """Return the evidence of a scope and period as a ZIP that `training verify` can check.

    Both days are inclusive. With a location the ZIP has the records of the people who work there
    now, and the records that name the location.
    It also has what compliance reports show: who was covered on `as_of`, from the knowledge of
    `known_on`. Both are today where they are left out. No evidence is left out for them.
    """
    query = PackQuery(from_day, to_day, location, user_id, module_id, as_of, known_on)
    pack = await app.audit_packs(context).open(query)
    return attachment(await app.downloads.make(pack.stream), ZIP, pack.filename)
