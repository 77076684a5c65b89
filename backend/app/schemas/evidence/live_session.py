import uuid
from datetime import datetime
from typing import Annotated, Literal

from pydantic import MISSING, Field

from app.domain.fields import Instant, Line, ShortText, Whole
from app.models.evidence.live_session import AttendanceStatus, SessionMode, SessionStatus
from app.schemas.base import Changes, Payload, Resource, Versioned

Duration = Annotated[int, Field(ge=1, le=1440, strict=True), Whole]
People = Annotated[list[uuid.UUID], Field(max_length=500)]


class LiveSessionCreate(Payload):
    """`section_id` may be left out where the module has one live section."""

    module_id: uuid.UUID
    section_id: uuid.UUID | None = None
    starts_at: Instant
    duration_minutes: Duration
    mode: SessionMode = SessionMode.IN_PERSON
    place: Line | None = None
    instructor_name: Line
    instructor_qualification: Line
    instructor_id: uuid.UUID | None = None


class LiveSessionUpdate(Changes):
    starts_at: Instant | MISSING = MISSING
    duration_minutes: Duration | MISSING = MISSING
    mode: SessionMode | MISSING = MISSING
    place: Line | MISSING | None = MISSING
    instructor_name: Line | MISSING = MISSING
    instructor_qualification: Line | MISSING = MISSING
    instructor_id: uuid.UUID | MISSING | None = MISSING


class LiveSessionRead(Versioned):
    id: uuid.UUID
    module_id: uuid.UUID
    section_id: uuid.UUID
    starts_at: datetime
    duration_minutes: int
    mode: SessionMode
    place: str | None
    instructor_name: str
    instructor_qualification: str
    instructor_id: uuid.UUID | None
    status: SessionStatus
    closed_at: datetime | None
    created_at: datetime
    updated_at: datetime


class RosterEntry(Resource):
    user_id: uuid.UUID
    full_name: str | None
    job_title: str | None
    status: AttendanceStatus
    marked_by_id: uuid.UUID | None
    marked_at: datetime | None


class SessionQuestionRead(Resource):
    id: uuid.UUID
    user_id: uuid.UUID | None
    question: str
    answer: str
    recorded_by_id: uuid.UUID
    created_at: datetime


class LiveSessionDetail(LiveSessionRead):
    """Learners see only their own line of the roster, and no questions."""

    roster: list[RosterEntry]
    questions: list[SessionQuestionRead]


class Registration(Payload):
    user_ids: Annotated[People, Field(min_length=1)]


class AttendanceMarks(Payload):
    attended: People = Field(default_factory=list)
    absent: People = Field(default_factory=list)


class SessionQuestionCreate(Payload):
    user_id: uuid.UUID | None = None
    question: ShortText
    answer: ShortText


class LiveSessionClosed(LiveSessionRead):
    status: Literal[SessionStatus.CLOSED]
    closed_at: datetime
    completed: list[uuid.UUID]
    """Attendees in whose open enrollment the live section was completed."""

    credited: list[uuid.UUID]
    """Attendees without an enrollment who get credit for the module from the attendance alone."""

    not_enrolled: list[uuid.UUID]
    """Attendees for whom it completes nothing: they are not enrolled and the module requires more,
    or they studied or attended another class at that time."""
