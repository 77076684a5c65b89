import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.domain.actor import Role
from app.domain.fields import Day, Line
from app.domain.study.enrollment import AssignmentState, EnrollmentSource
from app.schemas.base import Payload, Resource
from app.schemas.reference import ModuleReference, UserReference


class BulkFilter(Payload):
    """People who match every field that is given; active people only."""

    department: Line | None = None
    location: Line | None = None
    location_id: uuid.UUID | None = None
    role: Role | None = None
    job_title: Line | None = None


class BulkEnroll(Payload):
    module_id: uuid.UUID
    user_ids: Annotated[list[uuid.UUID], Field(max_length=10_000)] | None = None
    filter: BulkFilter | None = None
    due_on: Day | None = None


class RefusalReason(StrEnum):
    NOT_FOUND = "not_found"
    """Nobody has this id, or nobody whom I may see."""

    NOT_MANAGED = "not_managed"
    """Somebody whom I see, but do not answer for, such as myself."""

    INACTIVE = "inactive"
    """Somebody who left, or whose account is closed."""


class RefusedPerson(Resource):
    user_id: uuid.UUID
    reason: RefusalReason


class AssignmentChange(Resource):
    """An open enrollment that the assignment changed."""

    enrollment_id: uuid.UUID
    user: UserReference
    source_before: EnrollmentSource
    """How it had come about until then."""

    due_on_before: date | None
    """The day until then; null where there was none."""

    due_on: date | None


class BulkResult(Resource):
    """Numbers of people: newly enrolled, enrolled already, and unknown or not yours to assign."""

    assignment_id: uuid.UUID | None
    """What `POST /assignments/{id}/revert` takes back; null where nothing was done."""

    created: int
    already_enrolled: int
    changed: int
    """How many of those enrolled already have another date now, or are assigned now."""

    changes: list[AssignmentChange]
    """The first of them."""

    not_allowed: int
    refused: list[RefusedPerson]
    """Who they are and why, of those that were named by id."""


class AssignmentCountsRead(Resource):
    """Numbers of people who were assigned a module by hand."""

    module: ModuleReference
    done: int
    """Completed since."""

    open: int
    """To do, and in time."""

    overdue: int
    """To do, and late."""


class AssignmentRead(Resource):
    """What somebody was assigned by hand; withdrawn since, it is not listed."""

    enrollment_id: uuid.UUID
    user: UserReference
    module: ModuleReference
    assigned_by: UserReference | None
    """Whoever assigned it last; null where a command did."""

    assigned_at: datetime | None
    """The instant, in UTC, at which they did; null where nothing tells."""

    due_on: date | None
    status: AssignmentState
    completed_at: datetime | None


class Reverted(Resource):
    """What became of the open enrollments that were still as the assignment had left them."""

    withdrawn: int
    """Made by the assignment, and not begun."""

    kept: int
    """Made by the assignment and begun: the person's own from now on, without a date."""

    restored: int
    """There before: with their earlier date and source again."""
