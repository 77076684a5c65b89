import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, String, Uuid, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.core.pagination import Page, PageRequest
from app.domain.audit import AuditAction
from app.models import AuditEvent
from app.repositories.base import Orders, Repository, any_of


@dataclass(frozen=True, slots=True)
class AuditFilter:
    actor_ids: tuple[uuid.UUID, ...] = ()
    target_types: tuple[str, ...] = ()
    target_ids: tuple[uuid.UUID, ...] = ()
    actions: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


AUDIT_ORDERS = Orders("-created_at", AuditEvent.id, created_at=AuditEvent.created_at)

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

_PERSON = "coalesce(u.full_name, split_part(u.email, '@', 1))"
_LABELS = text(
    f"""
    SELECT u.id, {_PERSON} FROM users u WHERE u.id = ANY(:ids)
    UNION ALL SELECT id, title FROM training_modules WHERE id = ANY(:ids)
    UNION ALL SELECT id, title FROM module_sections WHERE id = ANY(:ids)
    UNION ALL SELECT id, left(prompt, 100) FROM quiz_questions WHERE id = ANY(:ids)
    UNION ALL SELECT id, title FROM requirements WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM locations WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM departments WHERE id = ANY(:ids)
    UNION ALL SELECT id, name FROM job_titles WHERE id = ANY(:ids)
    UNION ALL SELECT id, file_name FROM media WHERE id = ANY(:ids)
    UNION ALL SELECT e.id, {_PERSON} || ': ' || v.title
      FROM enrollments e JOIN users u ON u.id = e.user_id
      JOIN module_versions v ON v.id = e.version_id WHERE e.id = ANY(:ids)
    UNION ALL SELECT a.id, {_PERSON} || ': ' || v.title
      FROM quiz_attempts a JOIN users u ON u.id = a.user_id
      JOIN module_versions v ON v.id = a.version_id WHERE a.id = ANY(:ids)
    UNION ALL SELECT t.id, {_PERSON} || ': ' || t.module_title
      FROM training_records t JOIN users u ON u.id = t.user_id WHERE t.id = ANY(:ids)
    UNION ALL SELECT x.id, {_PERSON} || ': ' || x.title
      FROM external_trainings x JOIN users u ON u.id = x.user_id WHERE x.id = ANY(:ids)
    UNION ALL SELECT x.id, {_PERSON} || ': ' || r.title
      FROM exemptions x JOIN users u ON u.id = x.user_id
      JOIN requirements r ON r.id = x.requirement_id WHERE x.id = ANY(:ids)
    UNION ALL SELECT h.id, {_PERSON}
      FROM legal_holds h JOIN users u ON u.id = h.user_id WHERE h.id = ANY(:ids)
    UNION ALL SELECT s.id, m.title
      FROM live_sessions s JOIN training_modules m ON m.id = s.module_id WHERE s.id = ANY(:ids)
    """  # noqa: S608  # made of constants
).bindparams(bindparam("ids", type_=ARRAY(Uuid())))


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
        return await self.page(statement, request, AUDIT_ORDERS)

    async def recent_actors(
        self,
        action: AuditAction,
        target_id: uuid.UUID,
        after: Mapping[str, Any],
        within: timedelta,
    ) -> set[uuid.UUID]:
        """Return who did exactly this lately."""
        statement = select(AuditEvent.actor_id).where(
            AuditEvent.target_id == target_id,
            AuditEvent.action == action,
            AuditEvent.after == after,
            AuditEvent.created_at > func.now() - within,
            AuditEvent.actor_id.is_not(None),
        )
        return {each for each in await self.session.scalars(statement) if each}

    async def labels(self, ids: Collection[uuid.UUID]) -> dict[uuid.UUID | None, str]:
        """Return what people and things are called, as far as they have a name."""
        rows = await self.session.execute(_LABELS, {"ids": list(ids)})
        return {row[0]: row[1] for row in rows}


def _criteria(filters: AuditFilter) -> list[ColumnElement[bool]]:
    criteria = [
        *any_of(AuditEvent.actor_id, filters.actor_ids),
        *any_of(AuditEvent.target_type, filters.target_types),
        *any_of(AuditEvent.target_id, filters.target_ids),
        *any_of(AuditEvent.action, filters.actions),
    ]
    if filters.since is not None:
        criteria.append(AuditEvent.created_at >= filters.since)
    if filters.until is not None:
        criteria.append(AuditEvent.created_at < filters.until)
    return criteria
