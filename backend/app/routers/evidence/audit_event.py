import uuid
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from app.domain.actor import Permission
from app.domain.fields import Instant
from app.repositories.evidence.audit_event import AuditFilter
from app.routers.deps import App, Guard, PageQuery, QueryText
from app.routers.respond import json_of
from app.routers.strict_json import StrictRoute
from app.schemas.base import ListOf
from app.schemas.evidence.audit_event import AuditEventRead
from app.services.context import RequestContext

router = APIRouter(prefix="/audit-events", tags=["audit"], route_class=StrictRoute)

ShortForm = Annotated[uuid.UUID | None, Query(description="The same with _id, in short")]
Auditor = Annotated[RequestContext, Depends(Guard(Permission.AUDIT_READ))]


@router.get("", response_model=ListOf[AuditEventRead])
async def list_audit_events(
    context: Auditor,
    app: App,
    page: PageQuery,
    actor_id: uuid.UUID | None = None,
    target_type: QueryText | None = None,
    target_id: uuid.UUID | None = None,
    action: QueryText | None = None,
    since: Instant | None = None,
    until: Instant | None = None,
    actor: ShortForm = None,
    target: ShortForm = None,
) -> Response:
    """List audit events, newest first; `since` is inclusive, `until` is exclusive."""
    filters = AuditFilter(actor_id or actor, target_type, target_id or target, action, since, until)
    return json_of(await app.audit_events(context).list(filters, page))
