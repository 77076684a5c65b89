import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel, RevisionedModel, UUIDModel
from app.core.postgres.table_security import KEPT
from app.models.types import text_enum


class SessionMode(StrEnum):
    IN_PERSON = "in_person"
    ONLINE = "online"


class SessionStatus(StrEnum):
    SCHEDULED = "scheduled"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class AttendanceStatus(StrEnum):
    REGISTERED = "registered"
    ATTENDED = "attended"
    ABSENT = "absent"


class LiveSession(RevisionedModel):
    """One class held for a module's live section. Once closed the database refuses changes."""

    __tablename__ = "live_sessions"
    __rights__ = KEPT
    __table_args__ = (
        CheckConstraint("(status = 'closed') = (closed_at IS NOT NULL)", name="closed_at"),
        CheckConstraint("duration_minutes BETWEEN 1 AND 1440", name="duration_minutes"),
    )

    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"))
    section_id: Mapped[uuid.UUID]
    """The section that attending completes; the same in every version, so no foreign key."""

    starts_at: Mapped[datetime]
    duration_minutes: Mapped[int] = mapped_column(Integer)
    mode: Mapped[SessionMode] = mapped_column(
        text_enum(SessionMode, "mode"), default=SessionMode.IN_PERSON
    )
    place: Mapped[str | None] = mapped_column(String(200))
    instructor_name: Mapped[str] = mapped_column(String(200))
    instructor_qualification: Mapped[str] = mapped_column(String(200))
    instructor_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    """Set where the instructor is on the staff: they may then mark attendance."""

    instructor_named_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    """Who named the instructor; an instructor sees no more of the roster than that person."""

    created_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[SessionStatus] = mapped_column(
        text_enum(SessionStatus, "status"),
        server_default=SessionStatus.SCHEDULED.value,
        default=SessionStatus.SCHEDULED,
    )
    closed_at: Mapped[datetime | None]
    closed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


Index("ix_live_sessions_starts_at", LiveSession.starts_at.desc(), LiveSession.id)
Index("ix_live_sessions_module_id", LiveSession.module_id)


class Attendance(UUIDModel):
    """One line of a session's roster."""

    __tablename__ = "live_session_attendances"
    __stamped__ = ("counted_seconds",)
    __table_args__ = (UniqueConstraint("session_id", "user_id"),)

    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("live_sessions.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    status: Mapped[AttendanceStatus] = mapped_column(
        text_enum(AttendanceStatus, "status"),
        server_default=AttendanceStatus.REGISTERED.value,
        default=AttendanceStatus.REGISTERED,
    )
    marked_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    marked_at: Mapped[datetime | None]
    full_name: Mapped[str | None] = mapped_column(String(200))
    """Like the job title, copied when the session is closed."""

    job_title: Mapped[str | None] = mapped_column(String(200))
    counted_seconds: Mapped[int | None] = mapped_column(Integer, server_default=FetchedValue())
    """How much of the class counts for somebody who attended; counted when it is closed."""


class SessionQuestion(AppendOnlyModel):
    """A question asked in a session and its answer: the interactive part that OSHA asks for."""

    __tablename__ = "live_session_questions"

    session_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("live_sessions.id"), index=True)
    user_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    """Who asked, where that was noted."""

    question: Mapped[str] = mapped_column(Text)
    answer: Mapped[str] = mapped_column(Text)
    recorded_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
