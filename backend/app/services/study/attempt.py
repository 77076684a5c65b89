"""Attempts at quizzes: started, saved, graded once.

A use case that finds an open attempt whose time is up first closes and grades it, in a transaction
of its own. The use case often ends with a refusal, whose rollback must not undo the grade.
"""

import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar

from app.core.errors import (
    NotFoundError,
)
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.content.quiz.key import QuizKey
from app.domain.study.quiz.answers import answer_json, parse_answers
from app.domain.study.quiz.attempts import (
    AttemptFeedback,
    ClosedAttempt,
    NextAttempt,
    Refusal,
    Snapshot,
    attempts_left,
    cooled_down,
    deadline,
    draw_snapshot,
    feedback,
    gives_feedback,
    grade_attempt,
    is_over,
    learner_questions,
    next_attempt,
    startable,
)
from app.domain.study.quiz.grading import Correction
from app.domain.study.quiz.results import grade_from_json, stored_result
from app.models import Enrollment, QuizAttempt
from app.models.study.attempt import AttemptState
from app.models.study.enrollment import EnrollmentStatus
from app.models.types import JsonObject
from app.repositories.study.attempt import AttemptHistory, AttemptRow, Graded
from app.schemas.answers import AnswersPayload
from app.schemas.base import ListOf
from app.schemas.study.attempt import (
    AnswersSaved,
    AttemptBase,
    AttemptOpen,
    AttemptRead,
    AttemptResultRead,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile_completions
from app.services.context import SYSTEM
from app.services.study.answer_keys import parsed_key
from app.services.study.attempt_errors import (
    AlreadyPassedError,
    AttemptClosedError,
    CoolingDownError,
    InvalidAnswersError,
    NoAttemptsLeftError,
    NotAQuizSectionError,
)
from app.services.study.enrollment import lock_own
from app.services.study.enrollment_errors import EnrollmentClosedError
from app.services.unit_of_work import UnitOfWork

T = TypeVar("T")
AttemptShown: TypeAlias = AttemptOpen | AttemptResultRead

SEED_BYTES = 16


@dataclass(frozen=True, slots=True)
class _Overdue:
    """Returned by a step that finds an open attempt whose time is up."""

    attempt_id: uuid.UUID


class AttemptService(Service):
    async def start(self, enrollment_id: uuid.UUID, section_id: uuid.UUID) -> Answer[AttemptOpen]:
        """Start an attempt, or answer with the open one: the same attempt on every device."""
        return await self._settled(lambda: self._start(enrollment_id, section_id))

    async def save(self, attempt_id: uuid.UUID, payload: AnswersPayload) -> AnswersSaved:
        """Merge answers into an open attempt: all that were sent, or none of them."""
        return await self._settled(lambda: self._save(attempt_id, payload))

    async def submit(
        self, attempt_id: uuid.UUID, payload: AnswersPayload
    ) -> Answer[AttemptResultRead]:
        """Grade an attempt, once; whoever submits it again gets the same result."""
        return await self._settled(lambda: self._submit(attempt_id, payload))

    async def get(self, attempt_id: uuid.UUID) -> Answer[AttemptShown]:
        return await self._settled(lambda: self._get(attempt_id))

    async def list(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, request: PageRequest
    ) -> ListOf[AttemptRead]:
        return await self._settled(lambda: self._list(enrollment_id, section_id, request))

    async def close_overdue(self, limit: int = 100) -> int:
        """Close and grade attempts whose time is up; return how many, at most `limit`."""
        async with self.reading() as uow:
            attempt_ids = await uow.attempts.overdue(limit)
        return sum([await self._close(attempt_id) for attempt_id in attempt_ids])

    async def _settled(self, use: Callable[[], Awaitable[T | _Overdue]]) -> T:
        while isinstance(answer := await use(), _Overdue):
            await self._close(answer.attempt_id)
        return answer

    async def _close(self, attempt_id: uuid.UUID) -> bool:
        """Grade what was saved in time; return False when it has been graded already.

        The audit event names no actor, because time ran out; whoever asks now has no part in it.
        """
        async with UnitOfWork(self._database, SYSTEM) as uow:
            row = await uow.attempts.read(attempt_id, None)
            while row is not None and _is_overdue(row.attempt, row.now):
                snapshot = Snapshot.model_validate(row.attempt.snapshot)
                graded = _graded(row, snapshot, row.attempt.answers, timed_out=True)
                if await uow.attempts.grade(row, graded, self._context.request_id, None):
                    await reconcile_completions(uow, [row.attempt.user_id])
                    return True
                row = await uow.attempts.read(attempt_id, None)
        return False

    async def _start(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID
    ) -> Answer[AttemptOpen] | _Overdue:
        async with self.work() as uow:
            enrollment = await lock_own(uow, enrollment_id, self.actor)
            key = await quiz_key(uow, enrollment, section_id)
            history = await uow.attempts.of_quiz(enrollment, section_id)
            now = await uow.now()
            for attempt, _ in history.attempts:
                if attempt.state is AttemptState.OPEN and attempt.enrollment_id == enrollment.id:
                    _require_answerable(enrollment.status)
                    return _overdue(attempt, now) or await uow.answer(Answer(_open(attempt, now)))
            decision = decide_next(key, history, now)
            _require_start(decision, enrollment.status, now)
            attempt = _drawn(enrollment, section_id, key, decision.number, now)
            await uow.attempts.begin(attempt)
            after = {
                "enrollment_id": enrollment.id,
                "section_id": section_id,
                "number": attempt.number,
            }
            await uow.audit(AuditAction.ATTEMPT_STARTED, attempt, after=after)
            return await uow.answer(Answer(_open(attempt, now), created=True))

    async def _save(
        self, attempt_id: uuid.UUID, payload: AnswersPayload
    ) -> AnswersSaved | _Overdue:
        async with self.autocommit() as uow:
            row = await self._own(uow, attempt_id)
            if overdue := _overdue(row.attempt, row.now):
                return overdue
            if row.attempt.state is not AttemptState.OPEN:
                raise AttemptClosedError
            _require_answerable(row.enrollment_status)
            given, cleared = _parsed(Snapshot.model_validate(row.attempt.snapshot), payload)
            answers = await uow.attempts.save_answers(attempt_id, given, cleared)
            if answers is None:
                raise AttemptClosedError
            return AnswersSaved(
                id=attempt_id,
                answers=answers,
                expires_at=row.attempt.expires_at,
                server_time=row.now if row.attempt.expires_at else None,
            )

    async def _submit(
        self, attempt_id: uuid.UUID, payload: AnswersPayload
    ) -> Answer[AttemptResultRead] | _Overdue:
        async with self.autocommit() as uow:
            row = await self._own(uow, attempt_id)
            while row.attempt.state is AttemptState.OPEN:
                if overdue := _overdue(row.attempt, row.now):
                    return overdue
                _require_answerable(row.enrollment_status)
                snapshot = Snapshot.model_validate(row.attempt.snapshot)
                graded = _graded(row, snapshot, _merged(row, snapshot, payload))
                kept = await uow.attempts.grade(row, graded, uow.request_id, self.actor)
                row = kept or await self._own(uow, attempt_id)
            if row.attempt.passed:
                uow.after_commit(lambda later: reconcile_completions(later, [self.actor.id]))
            return await uow.answer(Answer(_result(row)))

    async def _get(self, attempt_id: uuid.UUID) -> Answer[AttemptShown] | _Overdue:
        async with self.reading() as uow:
            row = found(await uow.attempts.read(attempt_id, self.actor), "attempt")
            if overdue := _overdue(row.attempt, row.now):
                return overdue
            shows_all = self.actor.is_one_of([row.attempt.user_id])
            if row.attempt.state is AttemptState.OPEN:
                return Answer(_open(row.attempt, row.now, shows_all=shows_all))
            return Answer(_result(row) if shows_all else _outcome(row.attempt))

    async def _list(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, request: PageRequest
    ) -> ListOf[AttemptRead] | _Overdue:
        async with self.reading() as uow:
            row = found(await uow.enrollments.get_visible(enrollment_id, self.actor), "enrollment")
            if await uow.versions.answer_key(row.version_id, section_id) is None:
                raise NotFoundError("section")
            page = await uow.attempts.list_of(enrollment_id, section_id, request)
            now = await uow.now()
            for attempt in page.items:
                if overdue := _overdue(attempt, now):
                    return overdue
            return listed(page, _read)

    async def _own(self, uow: UnitOfWork, attempt_id: uuid.UUID) -> AttemptRow:
        return found(await uow.attempts.read(attempt_id, self.actor, own=True), "attempt")


def _is_overdue(attempt: QuizAttempt, now: datetime) -> bool:
    return attempt.state is AttemptState.OPEN and is_over(attempt.expires_at, now)


def _overdue(attempt: QuizAttempt, now: datetime) -> _Overdue | None:
    return _Overdue(attempt.id) if _is_overdue(attempt, now) else None


def _require_answerable(status: EnrollmentStatus) -> None:
    """Allow finishing an attempt in a completed enrollment, but not in a withdrawn one."""
    if status is EnrollmentStatus.WITHDRAWN:
        raise EnrollmentClosedError


def _require_start(decision: NextAttempt, status: EnrollmentStatus, now: datetime) -> None:
    if decision.refusal is not Refusal.ALREADY_PASSED and status is not EnrollmentStatus.ACTIVE:
        raise EnrollmentClosedError
    if decision.refusal is Refusal.ALREADY_PASSED:
        raise AlreadyPassedError
    if decision.refusal is Refusal.NO_ATTEMPTS_LEFT:
        raise NoAttemptsLeftError
    if decision.available_at is not None:
        raise CoolingDownError(decision.available_at, now)


def decide_next(key: QuizKey, history: AttemptHistory, now: datetime) -> NextAttempt:
    closed = [_closed(*each) for each in history.attempts]
    return next_attempt(key, closed, now, granted=history.granted)


async def quiz_key(uow: UnitOfWork, enrollment: Enrollment, section_id: uuid.UUID) -> QuizKey:
    stored = await uow.versions.answer_key(enrollment.version_id, section_id)
    if stored is None or enrollment.states is not None:
        section = await uow.versions.section(enrollment.version_id, section_id)
        if section is None or not section.concerns(enrollment.states):
            raise NotFoundError("section")
    if stored is None:
        raise NotAQuizSectionError
    return parsed_key(enrollment.version_id, section_id, stored.key)


def _drawn(
    enrollment: Enrollment, section_id: uuid.UUID, key: QuizKey, number: int, now: datetime
) -> QuizAttempt:
    snapshot = draw_snapshot(key, secrets.token_hex(SEED_BYTES))
    return QuizAttempt(
        enrollment_id=enrollment.id,
        section_id=section_id,
        user_id=enrollment.user_id,
        version_id=enrollment.version_id,
        number=number,
        seed=snapshot.seed,
        snapshot=snapshot.as_json(),
        answers={},
        started_at=now,
        expires_at=deadline(key, now),
        pass_mark=key.pass_mark,
    )


def _closed(attempt: QuizAttempt, left_at: datetime | None) -> ClosedAttempt:
    """Return an attempt that can no longer be continued.

    If it is still open, the learner gave it up by leaving the module.
    """
    given_up = [each for each in (left_at, attempt.expires_at) if each is not None]
    closed_at = attempt.submitted_at or min(given_up, default=attempt.started_at)
    return ClosedAttempt(attempt.number, closed_at, bool(attempt.passed))


def _parsed(snapshot: Snapshot, payload: AnswersPayload) -> tuple[JsonObject, list[str]]:
    """Return the answers that were given and the questions that were cleared."""
    parsed = parse_answers(snapshot.by_id(), payload.answers)
    if parsed.faults:
        raise InvalidAnswersError(parsed.faults)
    given = {str(each): answer_json(value) for each, value in parsed.valid.items()}
    cleared = [each for each, value in given.items() if value is None]
    return {each: value for each, value in given.items() if value is not None}, cleared


def _merged(row: AttemptRow, snapshot: Snapshot, payload: AnswersPayload) -> JsonObject:
    given, cleared = _parsed(snapshot, payload)
    answers = {**row.attempt.answers, **given}
    return {each: value for each, value in answers.items() if each not in cleared}


def _graded(
    row: AttemptRow, snapshot: Snapshot, answers: JsonObject, *, timed_out: bool = False
) -> Graded:
    result = grade_attempt(
        snapshot,
        _key(row),
        answers,
        [Correction.model_validate(each) for each in row.corrections],
    )
    return Graded(answers=answers, timed_out=timed_out, columns=stored_result(result))


def _key(row: AttemptRow) -> QuizKey:
    return parsed_key(row.attempt.version_id, row.attempt.section_id, row.key)


def _open(attempt: QuizAttempt, now: datetime, *, shows_all: bool = True) -> AttemptOpen:
    snapshot = Snapshot.model_validate(attempt.snapshot)
    return AttemptOpen(
        **_read(attempt).model_dump(include=set(AttemptBase.model_fields)),
        state=AttemptState.OPEN,
        server_time=now if attempt.expires_at else None,
        questions=learner_questions(snapshot) if shows_all else [],
        answers=attempt.answers if shows_all else {},
    )


def _read(attempt: QuizAttempt) -> AttemptRead:
    return AttemptRead.model_validate(attempt)


def _outcome(attempt: QuizAttempt, **told: object) -> AttemptResultRead:
    shown = {"questions": [], "answers": {}, **_read(attempt).model_dump(), **told}
    return AttemptResultRead.model_validate(shown)


def _result(row: AttemptRow) -> AttemptResultRead:
    attempt, key = row.attempt, _key(row)
    left = startable(
        attempts_left(key, row.closed, row.granted),
        passed=row.any_passed,
        closed=row.enrollment_status is not EnrollmentStatus.ACTIVE,
    )
    available_at = cooled_down(key.cooldown_minutes, row.last_closed_at)
    may_wait = left != 0 and not row.any_open
    waits = may_wait and available_at is not None and row.now < available_at
    return _outcome(
        attempt,
        attempts_left=left,
        available_at=available_at if waits else None,
        server_time=row.now if waits else None,
        feedback=_feedback(row),
        questions=attempt.snapshot["questions"],
        answers=attempt.answers,
    )


def _feedback(row: AttemptRow) -> AttemptFeedback | None:
    """Return the feedback that the policy allows.

    None while another attempt is open, in which the learner could use the answers.
    """
    if row.attempt.grades is None:
        return None
    key, passed = _key(row), row.any_passed and not row.any_open
    # Checked first, because it takes less time than parsing the grades of 50 questions.
    if not gives_feedback(key, passed=passed):
        return None
    return feedback(
        grade_from_json(row.attempt.grades),
        key,
        row.attempt.answers,
        passed=passed,
        attempts_left=attempts_left(key, row.closed, row.granted),
    )
