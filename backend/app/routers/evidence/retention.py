from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.domain.actor import Permission
from app.domain.evidence.retention import RetentionClass
from app.routers.deps import App, Guard, IfMatch
from app.routers.respond import json_of, respond
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.retention import RetentionPeriodRead, RetentionPeriodReplace
from app.services.context import RequestContext

router = APIRouter(prefix="/retention-periods", tags=["retention"], route_class=StrictRoute)

Admin = Annotated[RequestContext, Depends(Guard(Permission.RETENTION_WRITE))]


@router.get("", response_model=ListOf[RetentionPeriodRead])
async def list_retention_periods(context: Admin, app: App) -> Response:
    """List how long each class of evidence is kept, and by which source."""
    return json_of(await app.retention(context).periods())


@router.get("/{retention_class}", response_model=RetentionPeriodRead)
async def read_retention_period(
    retention_class: RetentionClass, context: Admin, app: App
) -> Response:
    """Read how long a class of evidence is kept, with the ETag to change it by."""
    return await respond(app.retention(context).period(retention_class))


@router.put("/{retention_class}", response_model=RetentionPeriodRead)
async def set_retention_period(
    retention_class: RetentionClass,
    payload: RetentionPeriodReplace,
    context: Admin,
    if_match: IfMatch,
    app: App,
) -> Response:
    """Keep a class of evidence longer than its source demands."""
    return await respond(app.retention(context).set_period(retention_class, payload, if_match))
