import uuid
from datetime import date, datetime

from pydantic import MISSING

from app.domain.actor import Role
from app.domain.compliance import EmploymentState
from app.domain.fields import Line, Reason, RecentDay
from app.domain.people.worker_kind import WorkerKind
from app.domain.word import Word
from app.schemas.base import Payload, Resource


class EmploymentRead(Resource):
    id: uuid.UUID
    user_id: uuid.UUID
    effective_on: date
    recorded_on: date
    created_at: datetime
    state: EmploymentState
    role: Role
    worker_kind: WorkerKind
    location_id: uuid.UUID | None
    department: str | None
    job_title: str | None
    hired_on: date | None
    recorded_by_id: uuid.UUID | None
    note: str | None
    voids_id: uuid.UUID | None
    """The termination that was a mistake, which this one voids; null for none."""


class Seer(Resource):
    id: uuid.UUID
    display_name: str


class MoveRead(EmploymentRead):
    manager_id: uuid.UUID | None
    """The person's manager from that day on; null for none."""

    newly_seen_by: list[Seer]
    """Managers who see the person after the move and did not before it."""

    no_longer_seen_by: list[Seer]


class LeaveCreate(Payload):
    starts_on: RecentDay
    returns_on: RecentDay | None = None
    """The first day back; null where it is not known."""

    note: Line | None = None


class ReturnCreate(Payload):
    effective_on: RecentDay
    note: Line | None = None


class TerminationCreate(Payload):
    effective_on: RecentDay
    """The first day after the employment."""

    note: Line | None = None


class TerminationVoid(Payload):
    reason: Reason


class RehireCreate(Payload):
    """Fields that are left out keep the values from before."""

    hired_on: RecentDay
    location_id: uuid.UUID | MISSING | None = MISSING
    department: Word | MISSING | None = MISSING
    job_title: Word | MISSING | None = MISSING
    role: Role | MISSING | None = MISSING
    worker_kind: WorkerKind | MISSING = MISSING
    manager_id: uuid.UUID | MISSING | None = MISSING
    """Null, or left out by whoever leaves an office: no manager. To keep theirs, name them."""

    note: Line | None = None


class TransferCreate(Payload):
    """Fields that are left out are not changed."""

    effective_on: RecentDay
    location_id: uuid.UUID | MISSING | None = MISSING
    department: Word | MISSING | None = MISSING
    job_title: Word | MISSING | None = MISSING
    role: Role | MISSING | None = MISSING
    worker_kind: WorkerKind | MISSING = MISSING
    manager_id: uuid.UUID | MISSING | None = MISSING
    """Null, or left out by whoever leaves an office: no manager. To keep theirs, name them."""

    note: Line | None = None
