import uuid
from datetime import date, datetime
from typing import Annotated

from pydantic import MISSING, Field

from app.domain.content.section_settings import SectionKind
from app.domain.fields import Day, Flag, Line, Statement, Whole
from app.domain.study.enrollment import EnrollmentSource
from app.models.study.enrollment import EnrollmentStatus, ProgressState
from app.schemas.base import Changes, Payload, Resource, Versioned
from app.schemas.reference import ModuleReference, UserReference
from app.schemas.study.signature import SignatureRead


class EnrollmentCreate(Payload):
    module_id: uuid.UUID


class EnrollmentUpdate(Changes):
    due_on: Day | MISSING | None = MISSING
    """The last day to complete it, in the person's location; null for none."""


class EnrollmentRead(Versioned):
    id: uuid.UUID
    user_id: uuid.UUID
    user: UserReference
    module: ModuleReference
    version: int
    status: EnrollmentStatus
    source: EnrollmentSource
    progress_percent: int
    due_on: date | None
    enrolled_at: datetime
    completed_at: datetime | None
    superseded_by: int | None
    """The module's current version, if it has changed materially since the version of this one.

    `POST /enrollments/{id}/move` goes on in it. Null where nothing has to be taken again.
    """


class SectionState(Resource):
    section_id: uuid.UUID
    title: str
    kind: SectionKind
    required: bool
    state: ProgressState
    seconds_spent: int
    position: float
    completed_at: datetime | None


class SectionDetail(SectionState):
    attempts_left: int | None
    """How many attempts at a quiz may still be started; null where nothing limits them.

    0 once the quiz is passed or the enrollment is closed.
    """

    available_at: datetime | None
    """The end of the pause before the next attempt at a quiz; null where none has to be kept."""


class EnrollmentDetail(EnrollmentRead):
    server_time: datetime | None
    """Now, by the clock of `available_at`; null where there is no quiz.

    In an answer with `Idempotency-Replayed` it is the clock of the first time: read the enrollment
    again before counting down.
    """

    sections: list[SectionDetail]


Seconds = Annotated[int, Field(ge=0, le=2_147_483_647, strict=True), Whole]


class ProgressReport(Payload):
    """`seconds_spent` is the total so far in this section, so that a report may be repeated."""

    seconds_spent: Seconds = 0
    position: float = Field(0, ge=0, le=1e9, allow_inf_nan=False, strict=True)
    completed: Flag = False


class EnrollmentState(Resource):
    status: EnrollmentStatus
    progress_percent: int
    completed_at: datetime | None


class ProgressRead(Resource):
    section: SectionState
    enrollment: EnrollmentState


class Acknowledge(Payload):
    printed_name: Line
    meaning: Statement


class Acknowledged(ProgressRead):
    signature: SignatureRead
