import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    DateTime,
    Integer,
    Row,
    Text,
    Uuid,
    and_,
    bindparam,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, insert
from sqlalchemy.orm import aliased, defer

from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.study.quiz.attempts import NETWORK_GRACE, cooled_down, left_of, startable
from app.models import (
    AnswerKey,
    Enrollment,
    QuizAttempt,
    QuizCorrection,
    SectionProgress,
    VersionSection,
)
from app.models.study.attempt import AttemptState
from app.models.study.enrollment import EnrollmentStatus
from app.models.types import JsonObject
from app.repositories.base import Orders, Repository
from app.repositories.people.visibility import owner_visible_to
from app.repositories.study.counted_attempts import (
    NOW,
    counts_with,
    granted_in,
    key_of_section,
    tally,
)


@dataclass(frozen=True, slots=True)
class Graded:
    """A grade that is to be stored, and the answers that it was given for."""

    answers: JsonObject
    timed_out: bool
    columns: dict[str, Any]
    """The columns points, max_points, score_percent, passed and grades."""


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """An attempt with all that saving, grading and explaining it need, read at `now`."""

    attempt: QuizAttempt
    key: JsonObject
    corrections: list[JsonObject]
    enrollment_status: EnrollmentStatus
    closed: int
    """How many attempts count as used, this one included or not (counted_attempts.py)."""

    granted: int
    """How many more than the quiz allows."""

    any_passed: bool
    any_open: bool
    last_closed_at: datetime | None
    now: datetime


@dataclass(frozen=True, slots=True)
class QuizStanding:
    """Whether another attempt at a quiz may start, and from when on."""

    enrollment_id: uuid.UUID
    section_id: uuid.UUID
    attempts_left: int | None
    """How many may still be started; None where nothing limits them."""

    passed: bool
    available_at: datetime | None
    """The end of the pause before the next attempt; None when one may start at once or never."""

    now: datetime


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """The attempts that count against the limit, and when their enrollments were withdrawn."""

    attempts: list[tuple[QuizAttempt, datetime | None]]
    granted: int


_CORRECTIONS = (
    select(
        func.coalesce(
            func.jsonb_agg(
                aggregate_order_by(
                    func.jsonb_build_object(
                        "question_id",
                        QuizCorrection.question_id,
                        "kind",
                        QuizCorrection.kind,
                        "answer",
                        QuizCorrection.answer,
                    ),
                    QuizCorrection.number,
                )
            ),
            func.jsonb_build_array(),
            type_=JSONB,
        )
    )
    .where(
        QuizCorrection.version_id == QuizAttempt.version_id,
        QuizCorrection.section_id == QuizAttempt.section_id,
    )
    .correlate(QuizAttempt)
    .scalar_subquery()
)

_TALLY = tally(Enrollment, QuizAttempt.section_id)


# Built once: SQLAlchemy takes longer to build this statement and its cache key than PostgreSQL to
# run it.
_READ = (
    select(
        QuizAttempt,
        AnswerKey.key,
        _CORRECTIONS,
        Enrollment.status,
        _TALLY.c.closed,
        _TALLY.c.granted,
        _TALLY.c.passed,
        _TALLY.c.open,
        _TALLY.c.last_closed_at,
        NOW,
    )
    .join(Enrollment, Enrollment.id == QuizAttempt.enrollment_id)
    .join(
        AnswerKey,
        and_(
            AnswerKey.version_id == QuizAttempt.version_id,
            AnswerKey.section_id == QuizAttempt.section_id,
        ),
    )
    .join(_TALLY, true())
    .where(QuizAttempt.id == bindparam("attempt_id"))
    # A second read within one transaction must not return the rows that the session kept of the
    # first.
    .execution_options(populate_existing=True)
)
_READ_OWN = _READ.where(QuizAttempt.user_id == bindparam("user_id"))

_GRADE = select(
    func.grade_attempt(
        bindparam("attempt_id", type_=Uuid()),
        bindparam("seen_answers", type_=JSONB),
        bindparam("seen_corrections", type_=Integer),
        NETWORK_GRACE,
        bindparam("answers", type_=JSONB),
        bindparam("timed_out", type_=Boolean),
        *(
            bindparam(each.key, type_=each.type)
            for each in (
                QuizAttempt.points,
                QuizAttempt.max_points,
                QuizAttempt.score_percent,
                QuizAttempt.passed,
                QuizAttempt.grades,
            )
        ),
        bindparam("actor_id", type_=Uuid()),
        bindparam("request_id", type_=Text),
        type_=DateTime(timezone=True),
    )
)


ATTEMPT_ORDERS = Orders("number", QuizAttempt.id, number=QuizAttempt.number)


class AttemptRepository(Repository[QuizAttempt]):
    model = QuizAttempt

    async def read(
        self, attempt_id: uuid.UUID, actor: Actor | None, *, own: bool = False
    ) -> AttemptRow | None:
        """Read an attempt that `actor` may see; None stands for the system, which sees all."""
        parameters = {"attempt_id": attempt_id}
        if actor is None:
            statement = _READ
        elif own:
            statement, parameters["user_id"] = _READ_OWN, actor.id
        else:
            statement = _READ.where(owner_visible_to(actor, QuizAttempt.user_id))
        row = (await self.session.execute(statement, parameters)).one_or_none()
        return None if row is None else AttemptRow(*row)

    async def of_quiz(self, enrollment: Enrollment, section_id: uuid.UUID) -> AttemptHistory:
        own = aliased(Enrollment)
        statement = (
            select(QuizAttempt, Enrollment.withdrawn_at, granted_in(own, literal(section_id)))
            .join(Enrollment, Enrollment.id == QuizAttempt.enrollment_id)
            .join(own, counts_with(Enrollment, own))
            .where(
                own.id == enrollment.id,
                QuizAttempt.section_id == section_id,
                or_(QuizAttempt.enrollment_id == own.id, QuizAttempt.passed.is_not(True)),
            )
            .options(defer(QuizAttempt.grades))
            .order_by(QuizAttempt.number)
        )
        rows = (await self.session.execute(statement)).all()
        attempts = [(attempt, left_at) for attempt, left_at, _ in rows]
        return AttemptHistory(attempts, granted=rows[0][2] if rows else 0)

    async def standings(self, enrollment_ids: Iterable[uuid.UUID]) -> list[QuizStanding]:
        """Return how the attempts at each quiz of the enrollments stand."""
        counted = tally(Enrollment, AnswerKey.section_id)
        statement = (
            select(
                Enrollment.id,
                AnswerKey.section_id,
                Enrollment.status,
                AnswerKey.key["max_attempts"].as_integer().label("max_attempts"),
                AnswerKey.key["cooldown_minutes"].as_integer().label("cooldown_minutes"),
                counted.c.total,
                counted.c.granted,
                counted.c.passed,
                counted.c.live,
                counted.c.last_closed_at,
                NOW.label("now"),
            )
            .join(Enrollment, Enrollment.version_id == AnswerKey.version_id)
            .join(VersionSection, key_of_section())
            .join(counted, true())
            .where(
                Enrollment.id.in_(enrollment_ids),
                func.concerns(VersionSection.states, Enrollment.states),
            )
        )
        return [_standing(row) for row in await self.session.execute(statement)]

    async def begin(self, attempt: QuizAttempt) -> None:
        """Store a new attempt, and set the progress of its section to in progress."""
        await self.add(attempt)
        await self.session.execute(
            insert(SectionProgress)
            .values(enrollment_id=attempt.enrollment_id, section_id=attempt.section_id)
            .on_conflict_do_nothing()
        )

    async def save_answers(
        self, attempt_id: uuid.UUID, answers: JsonObject, cleared: list[str]
    ) -> JsonObject | None:
        """Merge answers into an open attempt in one statement; return all of them.

        None when it is not open any more: submitting and saving never interleave.
        """
        given = literal(answers, JSONB)
        merged = QuizAttempt.answers.op("||")(given)
        for question_id in cleared:
            merged = merged.op("-")(question_id)
        seconds = func.answer_seconds(QuizAttempt.answer_seconds, given, QuizAttempt.started_at)
        statement = (
            update(QuizAttempt)
            .where(
                QuizAttempt.id == attempt_id,
                QuizAttempt.state == AttemptState.OPEN,
                ~func.coalesce(QuizAttempt.expires_at + NETWORK_GRACE < NOW, False),
            )
            .values(answers=merged, answer_seconds=seconds)
            .returning(QuizAttempt.answers)
            .execution_options(synchronize_session=False)
        )
        return await self.session.scalar(statement)

    async def grade(
        self, row: AttemptRow, graded: Graded, request_id: str | None, by: Actor | None
    ) -> AttemptRow | None:
        """Store a grade and return the attempt; return None if it has changed since it was read.

        Within a transaction the attempt is locked after that, so reading it again is safe.
        """
        parameters = {
            "attempt_id": row.attempt.id,
            "seen_answers": row.attempt.answers,
            "seen_corrections": len(row.corrections),
            "answers": graded.answers,
            "timed_out": graded.timed_out,
            "actor_id": by.id if by else None,
            "request_id": request_id,
        }
        closed_at = await self.session.scalar(_GRADE, parameters | graded.columns)
        return None if closed_at is None else self._after(row, graded, closed_at)

    def _after(self, row: AttemptRow, graded: Graded, closed_at: datetime) -> AttemptRow:
        # The values that the function wrote are known here. Reading them again would cost a round
        # trip.
        attempt = row.attempt
        self.session.expunge(attempt)
        attempt.state = AttemptState.GRADED
        attempt.answers = graded.answers
        attempt.submitted_at = closed_at
        attempt.timed_out = graded.timed_out
        for name, value in graded.columns.items():
            setattr(attempt, name, value)
        return replace(
            row,
            closed=row.closed + 1,
            any_passed=row.any_passed or graded.columns["passed"],
            any_open=False,
            last_closed_at=closed_at,
            now=closed_at,
        )

    async def overdue(self, limit: int) -> list[uuid.UUID]:
        """Return open attempts whose time is up, except those that are locked at this moment."""
        statement = (
            select(QuizAttempt.id)
            .where(
                QuizAttempt.state == AttemptState.OPEN,
                QuizAttempt.expires_at < func.now() - NETWORK_GRACE,
            )
            .order_by(QuizAttempt.expires_at)
            .limit(limit)
            .with_for_update(skip_locked=True, key_share=True)
        )
        return list(await self.session.scalars(statement))

    async def list_of(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, request: PageRequest
    ) -> Page[QuizAttempt]:
        statement = (
            select(QuizAttempt)
            .where(QuizAttempt.enrollment_id == enrollment_id, QuizAttempt.section_id == section_id)
            .options(
                defer(QuizAttempt.snapshot), defer(QuizAttempt.answers), defer(QuizAttempt.grades)
            )
        )
        return await self.page(statement, request, ATTEMPT_ORDERS)


def _standing(row: Row[*tuple[Any, ...]]) -> QuizStanding:
    left = startable(
        left_of(row.max_attempts, row.total, row.granted),
        passed=row.passed,
        closed=row.status is not EnrollmentStatus.ACTIVE,
    )
    free_at = cooled_down(row.cooldown_minutes or 0, row.last_closed_at)
    may_wait = left != 0 and not row.live
    waits = may_wait and free_at is not None and row.now < free_at
    return QuizStanding(
        row.id, row.section_id, left, row.passed, free_at if waits else None, row.now
    )
