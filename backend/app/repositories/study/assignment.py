"""Assigns a module to many people in one statement, whether they are enrolled already or not."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Date,
    Select,
    String,
    Uuid,
    and_,
    bindparam,
    column,
    func,
    literal,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from app.domain.actor import Actor, Role
from app.domain.study.enrollment import EnrollmentSource
from app.models import Enrollment, Location, TrainingModule, User
from app.models.content.module import ModuleStatus
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.people.position import Place, works_where
from app.repositories.people.visibility import managed_by
from app.repositories.study.enrolling import (
    ASSIGNMENT_EVENTS,
    creation,
    creation_events,
    payload_of_assignment,
)


@dataclass(frozen=True, slots=True)
class PeopleFilter:
    """Which people a bulk assignment is for. None matches everybody. Words are listed names."""

    user_ids: list[uuid.UUID] | None = None
    department: str | None = None
    location: str | None = None
    location_id: uuid.UUID | None = None
    role: Role | None = None
    job_title: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    id: uuid.UUID
    module_id: uuid.UUID
    people: PeopleFilter
    due_on: date | None


@dataclass(frozen=True, slots=True)
class AssignmentCount:
    """How many people the actor may assign to, and how many of them were not enrolled yet.

    `changed` had an open enrollment that is another one now; `changes` are the first of them.
    """

    module_exists: bool
    allowed: int
    created: int
    changed: int
    changes: list[dict[str, Any]]


# A rule's date is not put off, nor does anybody put off their own. One that was assigned may be;
# where a rule asks for an earlier one, the next reconciliation sets it again, which `_PUT_OFF` asks
# for.
_DUE_ON = """
    CASE WHEN e.source = 'assigned' AND e.user_id <> (SELECT actor_id FROM asker)
         THEN coalesce({due_on}, e.due_on)
         ELSE least({due_on}, e.due_on) END
"""

_ASSIGNED = f"""
    UPDATE enrollments e
       SET source = 'assigned', due_on = {_DUE_ON.format(due_on="held.wanted_on")},
           updated_at = now()
      FROM held
     WHERE e.id = held.id
       AND (e.source <> 'assigned'
            OR {_DUE_ON.format(due_on="held.wanted_on")} IS DISTINCT FROM e.due_on)
    RETURNING e.*, held.source AS source_before, held.due_on AS due_before
"""  # noqa: S608  # made of constants

_PUT_OFF = """
    INSERT INTO compliance_pending (user_id, module_id)
    SELECT user_id, module_id FROM assigned WHERE due_on > due_before
"""

# This handles people who enrolled after `held` was read.
_CREATED = creation(
    "UPDATE SET source = 'assigned', updated_at = now(),"
    f" due_on = {_DUE_ON.format(due_on='excluded.due_on')}"
)

SHOWN_CHANGES = 100

_CHANGES = f"""
    SELECT coalesce(jsonb_agg(jsonb_build_object(
               'enrollment_id', c.id, 'user_id', c.user_id,
               'display_name', coalesce(u.full_name, split_part(u.email, '@', 1)),
               'source_before', c.source_before, 'due_on_before', c.due_before,
               'due_on', c.due_on) ORDER BY c.id), '[]') AS changes
      FROM (SELECT * FROM assigned ORDER BY id LIMIT {SHOWN_CHANGES}) c
      JOIN users u ON u.id = c.user_id
"""  # noqa: S608  # made of constants

# Nothing is written where the same was assigned before, so that the statement may be repeated.
_EVENT = """
    SELECT count(record_event(
               actor_id, request_id, 'assignment:created', assignment_id, NULL,
               jsonb_build_object('module_id', module_id, 'due_on', due_on,
                                  'created', created, 'changed', changed))) AS written
      FROM asker, (SELECT (SELECT count(*) FROM created WHERE is_new) AS created,
                          (SELECT count(*) FROM assigned) AS changed) AS counted
     WHERE created + changed > 0
"""


def assigning(assignment: Assignment, actor: Actor, request_id: str | None) -> Select[Any]:
    """Return the statement that answers with an AssignmentCount.

    It assigns to everybody of the filter whom the actor may assign to.
    """
    module = _module(assignment.module_id)
    allowed = _allowed(assignment.people, actor)
    held = _held(module, allowed, assignment)
    created = text(_CREATED).columns(column("is_new")).cte("created")
    events = (
        text(creation_events(payload_of_assignment("c")))
        .columns(column("written"))
        .cte("creation_events"),
        text(ASSIGNMENT_EVENTS).columns(column("written")).cte("assignment_events"),
        text(_EVENT).columns(column("written")).cte("event"),
    )
    assigned = text(_ASSIGNED).columns(column("id")).cte("assigned")
    changes = text(_CHANGES).columns(column("changes", JSONB)).cte("changes")
    return (
        select(
            select(func.count() > 0).select_from(module).scalar_subquery(),
            select(func.count()).select_from(allowed).scalar_subquery(),
            select(func.count().filter(created.c.is_new)).select_from(created).scalar_subquery(),
            select(func.count()).select_from(assigned).scalar_subquery(),
            select(changes.c.changes).scalar_subquery(),
        )
        .where(*(select(event.c.written).scalar_subquery() >= 0 for event in events))
        .add_cte(
            module,
            allowed,
            _asker(assignment, actor, request_id),
            held,
            _wanted(module, allowed, held, assignment.due_on),
            created,
            assigned,
            *events,
            changes,
            text(_PUT_OFF).columns().cte("put_off"),
        )
    )


def _module(module_id: uuid.UUID) -> CTE:
    return (
        select(TrainingModule.id, TrainingModule.current_version_id)
        .where(
            TrainingModule.id == module_id,
            TrainingModule.status == ModuleStatus.PUBLISHED,
            TrainingModule.deleted_at.is_(None),
        )
        .cte("module")
    )


def _allowed(people: PeopleFilter, actor: Actor) -> CTE:
    scope = [] if actor.sees_everybody else [managed_by(actor)]
    return select(User.id).where(User.is_active, *_criteria(people), *scope).cte("allowed")


def _asker(assignment: Assignment, actor: Actor, request_id: str | None) -> CTE:
    return select(
        literal(assignment.id, Uuid()).label("assignment_id"),
        literal(assignment.module_id, Uuid()).label("module_id"),
        literal(assignment.due_on, Date()).label("due_on"),
        literal(EnrollmentSource.ASSIGNED.value, String()).label("source"),
        literal(actor.id, Uuid()).label("actor_id"),
        literal(request_id, String()).label("request_id"),
    ).cte("asker")


def _held(module: CTE, allowed: CTE, assignment: Assignment) -> CTE:
    """Lock the open enrollments in one order, so that two assignments do not deadlock."""
    return (
        select(
            Enrollment.id,
            Enrollment.user_id,
            Enrollment.source,
            Enrollment.due_on,
            literal(assignment.due_on, Date).label("wanted_on"),
        )
        .where(
            # Compares with the parameter and not with the CTE, for which no index could be used.
            Enrollment.module_id == assignment.module_id,
            Enrollment.status == EnrollmentStatus.ACTIVE,
            Enrollment.user_id.in_(select(allowed.c.id)),
            select(module.c.id).exists(),
        )
        .order_by(Enrollment.id)
        .with_for_update(key_share=True, of=Enrollment)
        .cte("held")
    )


def _wanted(module: CTE, allowed: CTE, held: CTE, due_on: date | None) -> CTE:
    return (
        select(
            func.new_id().label("id"),
            allowed.c.id.label("user_id"),
            module.c.id.label("module_id"),
            module.c.current_version_id.label("version_id"),
            literal(due_on, Date).label("due_on"),
        )
        .select_from(allowed.join(module, true()))
        .where(~select(held.c.id).where(held.c.user_id == allowed.c.id).exists())
        .cte("wanted")
    )


def _criteria(people: PeopleFilter) -> list[ColumnElement[bool]]:
    criteria: list[ColumnElement[bool]] = []
    if people.user_ids is not None:
        criteria.append(User.id == func.any(bindparam(None, people.user_ids, ARRAY(Uuid()))))
    if people.role is not None:
        criteria.append(User.role == people.role)
    location = None
    if people.location is not None:
        location = func.lower(Location.name) == people.location.lower()
    if people.location_id is not None:
        by_id = Location.id == people.location_id
        location = by_id if location is None else and_(location, by_id)
    departments = [people.department] if people.department is not None else []
    job_titles = [people.job_title] if people.job_title is not None else []
    place = Place(location, departments, job_titles)
    return [*criteria, *works_where(place)]
