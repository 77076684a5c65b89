import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, String, Uuid, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.pagination import Page, PageRequest
from app.domain.audit import AuditAction
from app.models import AuditEvent
from app.repositories.base import Keyset, Repository


@dataclass(frozen=True, slots=True)
class AuditFilter:
    actor_id: uuid.UUID | None = None
    target_type: str | None = None
    target_id: uuid.UUID | None = None
    action: str | None = None
    since: datetime | None = None
    until: datetime | None = None


Change = tuple[uuid.UUID, dict[str, Any] | None, dict[str, Any] | None]
"""A target, and what it was and is."""

_PAYLOADS = ARRAY(JSONB(none_as_null=True))
_RECORD = text(
    "SELECT record_events(:actor_id, :request_id, :actions, :targets, :before, :after)"
).bindparams(
    bindparam("actor_id", type_=Uuid()),
    bindparam("request_id", type_=String()),
    bindparam("actions", type_=ARRAY(String())),
    bindparam("targets", type_=ARRAY(Uuid())),
    bindparam("before", type_=_PAYLOADS),
    bindparam("after", type_=_PAYLOADS),
)


class AuditEventRepository(Repository[AuditEvent]):
    model = AuditEvent

    async def record(
        self,
        action: AuditAction,
        changes: Sequence[Change],
        *,
        actor_id: uuid.UUID | None,
        request_id: str | None,
    ) -> None:
        """Write an event for each change, in one round trip."""
        if not changes:
            return
        # The changes are written first, so that their errors are not taken for the event's.
        await self.session.flush()
        targets, before, after = zip(*changes, strict=True)
        parameters = {
            "actor_id": actor_id,
            "request_id": request_id,
            "actions": [action.value] * len(changes),
            "targets": targets,
            "before": before,
            "after": after,
        }
        await self.session.execute(_RECORD, parameters)

    async def list_all(self, filters: AuditFilter, request: PageRequest) -> Page[AuditEvent]:
        statement = select(AuditEvent).where(*_criteria(filters))
        keyset = Keyset(AuditEvent.created_at, AuditEvent.id, datetime, descending=True)
        return await self.page(statement, request, keyset)


def _criteria(filters: AuditFilter) -> list[ColumnElement[bool]]:
    pairs = (
        (AuditEvent.actor_id, filters.actor_id),
        (AuditEvent.target_type, filters.target_type),
        (AuditEvent.target_id, filters.target_id),
        (AuditEvent.action, filters.action),
    )
    criteria: list[ColumnElement[bool]] = [
        column == value for column, value in pairs if value is not None
    ]
    if filters.since is not None:
        criteria.append(AuditEvent.created_at >= filters.since)
    if filters.until is not None:
        criteria.append(AuditEvent.created_at < filters.until)
    return criteria
