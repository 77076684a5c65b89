import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.fields import Instant
from app.repositories.evidence.audit_event import AUDIT_ORDERS, AuditFilter
from app.routers.deps import AnyOf, App, Guard, QueryText, paged, repeated
from app.routers.respond import json_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.audit_event import AuditEventRead
from app.services.context import RequestContext

router = APIRouter(prefix="/audit-events", tags=["audit"], route_class=StrictRoute)

ShortForm = Annotated[list[uuid.UUID], repeated(description="The same with _id, in short")]
EventPage = Annotated[PageRequest, paged(AUDIT_ORDERS)]
Auditor = Annotated[RequestContext, Depends(Guard(Permission.AUDIT_READ))]


@router.get("", response_model=ListOf[AuditEventRead])
async def list_audit_events(
    context: Auditor,
    app: App,
    page: EventPage,
    actor_id: AnyOf[uuid.UUID],
    target_type: AnyOf[QueryText],
    target_id: AnyOf[uuid.UUID],
    action: AnyOf[QueryText],
    actor: ShortForm,
    target: ShortForm,
    since: Instant | None = None,
    until: Instant | None = None,
) -> Response:
    """List audit events, newest first; `since` is inclusive, `until` is exclusive."""
    filters = AuditFilter(
        (*actor_id, *actor),
        tuple(target_type),
        (*target_id, *target),
        tuple(action),
        since,
        until,
    )
    return json_of(await app.audit_events(context).list(filters, page))
