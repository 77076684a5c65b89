import uuid
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import (
    FetchedValue,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel, TimestampedUUIDModel
from app.core.postgres.table_security import KEPT, READ_ONLY
from app.models.types import Json, JsonObject, text_enum


class AttemptState(StrEnum):
    OPEN = "open"
    GRADED = "graded"


class QuizAttempt(TimestampedUUIDModel):
    """One try at one quiz section, made by the server at its start and graded once.

    The columns from `points` to `grades` are those of the newest `AttemptResult`. The trigger
    `refuse_change` refuses all other changes of a graded attempt.
    """

    __tablename__ = "quiz_attempts"
    __rights__ = KEPT
    __stamped__ = (
        "state",
        "answer_seconds",
        "submitted_at",
        "timed_out",
        "points",
        "max_points",
        "score_percent",
        "passed",
        "grades",
    )
    __edited__ = ("answers", "answer_seconds", "updated_at")
    __table_args__ = (UniqueConstraint("enrollment_id", "section_id", "number"),)

    enrollment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("enrollments.id"))
    section_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("module_versions.id"))
    number: Mapped[int] = mapped_column(Integer)
    state: Mapped[AttemptState] = mapped_column(
        text_enum(AttemptState, "state"), server_default=AttemptState.OPEN.value
    )
    seed: Mapped[str] = mapped_column(String(64))
    snapshot: Mapped[JsonObject] = mapped_column(Json)
    """The questions as shown, in their shuffled order (app.domain.study.quiz.attempts)."""

    answers: Mapped[JsonObject] = mapped_column(Json, server_default=text("'{}'"), default=dict)
    answer_seconds: Mapped[JsonObject] = mapped_column(Json, server_default=text("'{}'"))
    """Per question: seconds from the save before, or the start, to its first saved answer."""

    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    submitted_at: Mapped[datetime | None] = mapped_column(server_default=FetchedValue())
    timed_out: Mapped[bool] = mapped_column(server_default=text("false"))
    points: Mapped[Decimal | None] = mapped_column(Numeric(12, 6), server_default=FetchedValue())
    max_points: Mapped[Decimal | None] = mapped_column(
        Numeric(12, 6), server_default=FetchedValue()
    )
    score_percent: Mapped[Decimal | None] = mapped_column(
        Numeric(5, 2), server_default=FetchedValue()
    )
    pass_mark: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    passed: Mapped[bool | None] = mapped_column(server_default=FetchedValue())
    grades: Mapped[JsonObject | None] = mapped_column(Json, server_default=FetchedValue())
    """Per question: points, right or wrong; exact fractions as text (domain/study/quiz)."""


class AttemptResult(AppendOnlyModel):
    """One result of an attempt: revision 0 is its grade, each further one a regrade."""

    __tablename__ = "attempt_results"
    __rights__ = READ_ONLY
    __table_args__ = (UniqueConstraint("attempt_id", "revision"),)

    attempt_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("quiz_attempts.id"))
    revision: Mapped[int] = mapped_column(Integer)
    correction_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("quiz_corrections.id"))
    """The correction that caused the regrade; none for revision 0."""

    points: Mapped[Decimal] = mapped_column(Numeric(12, 6))
    max_points: Mapped[Decimal] = mapped_column(Numeric(12, 6))
    score_percent: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    passed: Mapped[bool]
    kept_pass: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """The attempt was passed before a correction put it below the mark; the pass is kept."""

    grades: Mapped[JsonObject] = mapped_column(Json)


Index(
    "uq_quiz_attempts_open",
    QuizAttempt.enrollment_id,
    QuizAttempt.section_id,
    unique=True,
    postgresql_where=text("state = 'open'"),
    sqlite_where=text("state = 'open'"),
)
Index(
    "ix_quiz_attempts_expires_at",
    QuizAttempt.expires_at,
    postgresql_where=text("state = 'open' AND expires_at IS NOT NULL"),
    sqlite_where=text("state = 'open' AND expires_at IS NOT NULL"),
)
Index("ix_quiz_attempts_section_id", QuizAttempt.section_id, QuizAttempt.version_id)
