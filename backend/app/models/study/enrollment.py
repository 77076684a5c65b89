import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    FetchedValue,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import Base, TimestampedUUIDModel
from app.core.postgres.table_security import APPEND_ONLY, KEPT
from app.domain.study.enrollment import EnrollmentSource
from app.models.types import JsonObject, NullableJson, text_enum


class EnrollmentStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class ProgressState(StrEnum):
    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"


class SectionProgress(Base):
    """How far one enrollment is in one section. Only ever moves forward."""

    __tablename__ = "section_progress"
    __rights__ = APPEND_ONLY
    __stamped__ = ("state", "seconds_spent", "position", "completed_at", "updated_at", "site_facts")

    enrollment_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("enrollments.id", ondelete="CASCADE"), primary_key=True
    )
    section_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    state: Mapped[ProgressState] = mapped_column(
        text_enum(ProgressState, "state"), server_default=ProgressState.IN_PROGRESS.value
    )
    seconds_spent: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    position: Mapped[float] = mapped_column(server_default=text("0"))
    """Where to resume, in the client's own unit (seconds of a video, share of a page)."""

    completed_at: Mapped[datetime | None] = mapped_column(server_default=FetchedValue())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    site_facts: Mapped[JsonObject | None] = mapped_column(
        NullableJson, server_default=FetchedValue()
    )
    """What the text named of the person's offices when they completed it; null for nothing."""


class Enrollment(TimestampedUUIDModel):
    """A person's training in one module version, from enrolling to completion or withdrawal."""

    __tablename__ = "enrollments"
    __rights__ = KEPT
    __stamped__ = ("progress_percent", "enrolled_at", "completed_at", "states")
    __edited__ = ("status", "source", "due_on", "withdrawn_at", "updated_at")
    __table_args__ = (
        CheckConstraint("progress_percent BETWEEN 0 AND 100", name="progress_percent"),
        CheckConstraint("(status = 'completed') = (completed_at IS NOT NULL)", name="completed_at"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("module_versions.id"))
    status: Mapped[EnrollmentStatus] = mapped_column(
        text_enum(EnrollmentStatus, "status"),
        server_default=EnrollmentStatus.ACTIVE.value,
        default=EnrollmentStatus.ACTIVE,
    )
    source: Mapped[EnrollmentSource] = mapped_column(
        text_enum(EnrollmentSource, "source"), default=EnrollmentSource.SELF
    )
    progress_percent: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    due_on: Mapped[date | None]
    """Inclusive; ends with that day in the person's location."""

    enrolled_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None] = mapped_column(server_default=FetchedValue())
    withdrawn_at: Mapped[datetime | None]
    states: Mapped[list[str] | None] = mapped_column(NullableJson, server_default=FetchedValue())
    """The states of the person's offices that the version has sections for; null where it is the
    same for everybody. They follow the person as long as the enrollment is active."""

    progress: Mapped[list[SectionProgress]] = relationship(
        lazy="selectin", cascade="all, delete-orphan", order_by=SectionProgress.section_id
    )


Index(
    "uq_enrollments_open",
    Enrollment.user_id,
    Enrollment.module_id,
    unique=True,
    postgresql_where=text("status = 'active'"),
    sqlite_where=text("status = 'active'"),
)
Index("ix_enrollments_user_id", Enrollment.user_id, Enrollment.enrolled_at.desc(), Enrollment.id)
Index("ix_enrollments_module_id", Enrollment.module_id, Enrollment.id)
# The orders of lists of many people's enrollments (repositories/study/enrollment.py).
Index("ix_enrollments_sort_enrolled_at", Enrollment.enrolled_at, Enrollment.id)
Index(
    "ix_enrollments_sort_due_on", text("coalesce(due_on, 'infinity'::date)"), Enrollment.id
).ddl_if(dialect="postgresql")
