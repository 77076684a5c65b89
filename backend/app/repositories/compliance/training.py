"""The statements of one person's trainings, on the driver: they are read with every visit."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import orjson

from app.core.database import Fetch
from app.domain.actor import Role
from app.domain.compliance import ComplianceStatus, PeriodCause
from app.domain.compliance.audience import PersonFacts
from app.domain.people.worker_kind import WorkerKind
from app.models.types import JsonObject

_TODAY = "SELECT person_day($1)"

# The rule of today is found as `rule_on` of the domain does. One that began when it was recorded
# has begun at each office, whatever day it is there. `location_id`, `department` and `job_title`
# are those by which the status was worked out.
_ASKED = """
    SELECT r.id, r.title, v.id, v.rule::text, s.status, s.due_on, s.valid_through, p.cause,
           EXISTS (SELECT FROM compliance_outdated o
                    WHERE o.user_id = s.user_id AND o.requirement_id = s.requirement_id),
           s.department, s.location_id, l.name, l.country, l.state, s.job_title,
           u.role, u.hired_on, u.worker_kind
      FROM (SELECT id, role, hired_on, worker_kind, person_day(id) AS today
              FROM users WHERE id = $1) AS u
      JOIN compliance_segments s
        ON s.user_id = u.id AND s.starts_on <= u.today AND s.ends_on >= u.today
      JOIN requirements r ON r.id = s.requirement_id
      JOIN LATERAL (
           SELECT id, rule FROM requirement_versions
            WHERE requirement_id = r.id
              AND (effective_from <= u.today OR effective_from = recorded_on)
            ORDER BY recorded_on DESC, number DESC
            LIMIT 1) AS v ON v.rule IS NOT NULL
      LEFT JOIN locations l ON l.id = s.location_id
      LEFT JOIN certification_periods p
        ON p.user_id = u.id AND p.requirement_id = r.id AND p.outcome = 'open'
     WHERE s.status NOT IN ('not_required', 'exempt')
     ORDER BY lower(r.title), r.id
"""

# The assigner is whoever the audit trail names for the assignment.
_HELD = """
    WITH wanted AS (
        SELECT unnest($2::uuid[]) AS module_id
        UNION
        SELECT module_id FROM enrollments WHERE user_id = $1 AND status <> 'withdrawn'
    )
    SELECT m.id, coalesce(v.title, m.title), coalesce(v.category, m.category),
           m.status = 'published' AND m.deleted_at IS NULL,
           coalesce(v.estimated_minutes, m.estimated_minutes),
           e.id, v.number, e.status, e.source, e.progress_percent, e.due_on, e.enrolled_at,
           e.completed_at,
           a.id, coalesce(a.full_name, split_part(a.email, '@', 1)),
           t.id, t.local_date, t.score_percent,
           (SELECT min(valid_through) FROM certification_periods WHERE met_by = t.id)
      FROM wanted
      JOIN training_modules m ON m.id = wanted.module_id
      LEFT JOIN LATERAL (
           SELECT * FROM enrollments
            WHERE user_id = $1 AND module_id = m.id AND status <> 'withdrawn'
            ORDER BY status = 'active' DESC, enrolled_at DESC, id DESC
            LIMIT 1) AS e ON true
      LEFT JOIN module_versions v ON v.id = coalesce(e.version_id, m.current_version_id)
      LEFT JOIN LATERAL (
           SELECT actor_id FROM audit_events
            WHERE target_id = e.id AND e.source = 'assigned'
              AND action IN ('enrollment:created', 'enrollment:assigned')
            ORDER BY created_at DESC, id DESC
            LIMIT 1) AS assignment ON true
      LEFT JOIN users a ON a.id = assignment.actor_id
      LEFT JOIN LATERAL (
           SELECT id, local_date, score_percent FROM training_records
            WHERE user_id = $1 AND module_id = m.id
            ORDER BY completed_at DESC, sequence DESC
            LIMIT 1) AS t ON true
     ORDER BY lower(coalesce(v.title, m.title)), m.id
"""


@dataclass(frozen=True, slots=True)
class AskedRow:
    requirement_id: uuid.UUID
    title: str
    rule_id: uuid.UUID
    rule: JsonObject
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    opened_by: PeriodCause | None
    reconciling: bool
    person: PersonFacts
    location: str | None


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A module; what is about an enrollment, its assigner and a record is None without one."""

    module_id: uuid.UUID
    title: str
    category: str | None
    is_published: bool
    minutes: int | None
    enrollment_id: uuid.UUID | None
    version: int | None
    status: str | None
    source: str | None
    progress_percent: int | None
    due_on: date | None
    enrolled_at: datetime | None
    completed_at: datetime | None
    assigner_id: uuid.UUID | None
    assigner: str | None
    record_id: uuid.UUID | None
    completed_on: date | None
    score_percent: Decimal | None
    valid_through: date | None


class TrainingRepository:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def today_of(self, user_id: uuid.UUID) -> date:
        [row] = await self._fetch(_TODAY, user_id)
        today: date = row[0]
        return today

    async def asked(self, user_id: uuid.UUID) -> list[AskedRow]:
        return [_asked(user_id, row) for row in await self._fetch(_ASKED, user_id)]

    async def held(self, user_id: uuid.UUID, module_ids: Iterable[uuid.UUID]) -> list[HeldRow]:
        """Return these modules, and those that the person is or was enrolled in."""
        return [HeldRow(*row) for row in await self._fetch(_HELD, user_id, list(module_ids))]


def _asked(user_id: uuid.UUID, row: Iterable[Any]) -> AskedRow:
    requirement_id, title, rule_id, rule, status, due_on, valid_through, cause, *others = row
    reconciling, department, location_id, location, country, state, job_title, *rest = others
    role, hired_on, worker_kind = rest
    return AskedRow(
        requirement_id=requirement_id,
        title=title,
        rule_id=rule_id,
        rule=orjson.loads(rule),
        status=ComplianceStatus(status),
        due_on=due_on,
        valid_through=valid_through,
        opened_by=PeriodCause(cause) if cause else None,
        reconciling=reconciling,
        person=PersonFacts(
            id=user_id,
            department=department,
            location_id=location_id,
            role=Role(role),
            job_title=job_title,
            hired_on=hired_on,
            worker_kind=WorkerKind(worker_kind),
            country=country,
            state=state,
        ),
        location=location,
    )
