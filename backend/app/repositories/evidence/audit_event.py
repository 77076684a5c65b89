import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select

from app.core.pagination import Page, PageRequest
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


class AuditEventRepository(Repository[AuditEvent]):
    model = AuditEvent

    async def add_many(self, events: Sequence[AuditEvent]) -> None:
        """Write events in one round trip; the session does not keep them."""
        names = ("actor_id", "action", "target_type", "target_id", "before", "after", "request_id")
        rows = [{name: getattr(event, name) for name in names} for event in events]
        if rows:
            await self.session.execute(insert(AuditEvent), rows)

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
