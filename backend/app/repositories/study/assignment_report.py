"""What was assigned by hand, by whom, and how far it is."""

import uuid
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, String, case, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.study.enrollment import AssignmentState, EnrollmentSource
from app.models import AuditEvent, Enrollment, Location, ModuleVersion, User
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.base import Repository, any_of
from app.repositories.people.position import Place, works_where
from app.repositories.people.visibility import owner_visible_to, person_of
from app.repositories.study.enrollment import ENROLLMENT_ORDERS

_ASSIGNER = aliased(User)

_ASSIGNMENT = (
    select(AuditEvent.actor_id, AuditEvent.created_at)
    .where(
        AuditEvent.target_id == Enrollment.id,
        AuditEvent.action.in_([AuditAction.ENROLLMENT_CREATED, AuditAction.ENROLLMENT_ASSIGNED]),
    )
    .order_by(AuditEvent.created_at.desc(), AuditEvent.id.desc())
    .limit(1)
    .lateral("assignment")
)
"""The audit trail names whoever assigned it last."""

_STATE = case(
    (Enrollment.status == EnrollmentStatus.COMPLETED, literal(AssignmentState.DONE.value, String)),
    (
        Enrollment.due_on < func.local_day(User.location_id, type_=Date()),
        literal(AssignmentState.OVERDUE.value, String),
    ),
    else_=literal(AssignmentState.OPEN.value, String),
)


@dataclass(frozen=True, slots=True)
class AssignmentFilter:
    """Departments are listed names."""

    module_ids: tuple[uuid.UUID, ...] = ()
    assigner_ids: tuple[uuid.UUID, ...] = ()
    location_ids: tuple[uuid.UUID, ...] = ()
    departments: tuple[str, ...] = ()
    states: tuple[AssignmentState, ...] = ()


@dataclass(frozen=True, slots=True)
class AssignmentCounts:
    module_id: uuid.UUID
    title: str
    category: str | None
    done: int
    open: int
    overdue: int


@dataclass(frozen=True, slots=True)
class AssignmentLine:
    enrollment_id: uuid.UUID
    user_id: uuid.UUID
    full_name: str | None
    email: str | None
    module_id: uuid.UUID
    title: str
    category: str | None
    assigner_id: uuid.UUID | None
    assigner_name: str | None
    assigner_email: str | None
    assigned_at: datetime | None
    due_on: date | None
    completed_at: datetime | None
    state: str


class AssignmentReportRepository(Repository[Enrollment]):
    model = Enrollment

    async def counts(self, actor: Actor, filters: AssignmentFilter) -> list[AssignmentCounts]:
        """Count the people of each module, in the order of the titles.

        A module is called as in the version that somebody was enrolled in last.
        """
        found = _assigned(actor, filters).subquery()
        states = [_count(found.c.state, state) for state in AssignmentState]
        title, category = (_last(each, found.c.id) for each in (found.c.title, found.c.category))
        statement = (
            select(found.c.module_id, title, category, *states)
            .group_by(found.c.module_id)
            .order_by(func.lower(title), found.c.module_id)
        )
        return [AssignmentCounts(*row) for row in await self.session.execute(statement)]

    async def lines(
        self, actor: Actor, filters: AssignmentFilter, request: PageRequest
    ) -> Page[AssignmentLine]:
        """List people and what they were assigned, the latest enrollment first."""
        statement = _assigned(actor, filters)
        return await self.page_of(AssignmentLine, statement, request, ENROLLMENT_ORDERS)


def _last(column: ColumnElement[str], ids: ColumnElement[uuid.UUID]) -> ColumnElement[str]:
    """Return the value of the newest enrollment: its ids are in the order of time."""
    return func.array_agg(aggregate_order_by(column, ids.desc()), type_=ARRAY(String))[1]


def _count(state: ColumnElement[str], wanted: AssignmentState) -> ColumnElement[int]:
    return func.count().filter(state == wanted.value)


def _assigned(actor: Actor, filters: AssignmentFilter) -> Select[Any]:
    return (
        select(
            Enrollment.id,
            User.id.label("user_id"),
            User.full_name,
            User.email,
            Enrollment.module_id,
            ModuleVersion.title,
            ModuleVersion.category,
            _ASSIGNMENT.c.actor_id,
            _ASSIGNER.full_name.label("assigner_name"),
            _ASSIGNER.email.label("assigner_email"),
            _ASSIGNMENT.c.created_at,
            Enrollment.due_on,
            Enrollment.completed_at,
            _STATE.label("state"),
        )
        .select_from(Enrollment)
        .join(User, User.id == person_of(Enrollment.user_id))
        .join(ModuleVersion, ModuleVersion.id == Enrollment.version_id)
        .outerjoin(_ASSIGNMENT, true())
        .outerjoin(_ASSIGNER, _ASSIGNER.id == _ASSIGNMENT.c.actor_id)
        .where(
            Enrollment.source == EnrollmentSource.ASSIGNED,
            Enrollment.status != EnrollmentStatus.WITHDRAWN,
            owner_visible_to(actor, Enrollment.user_id),
            *any_of(Enrollment.module_id, filters.module_ids),
            *any_of(_ASSIGNMENT.c.actor_id, filters.assigner_ids),
            *any_of(_STATE, filters.states),
            *works_where(_place(filters)),
        )
    )


def _place(filters: AssignmentFilter) -> Place:
    offices = any_of(Location.id, filters.location_ids)
    return Place(offices[0] if offices else None, filters.departments)
