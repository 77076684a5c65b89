"""A draft as a learner would see it.

Nothing is written, so that no evidence can come of it. Only an answer to a request with an
Idempotency-Key is kept for a day, as all are.
"""

import asyncio
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from app.domain.content.publishing import NotPublishableError, preview, preview_key
from app.domain.content.quiz.key import QuizKey
from app.domain.study.quiz.answers import answer_json, parse_answers
from app.domain.study.quiz.attempts import (
    Snapshot,
    attempts_left,
    deadline,
    draw_snapshot,
    feedback,
    grade_attempt,
    learner_questions,
    startable,
)
from app.domain.study.quiz.grading import rounded
from app.models.types import JsonObject
from app.schemas.content.preview import PreviewAttempt, PreviewResult, PreviewStart, PreviewSubmit
from app.services.answer import Answer
from app.services.base import Service, found
from app.services.content.authoring import draft_of
from app.services.content.publishing import ModuleNotPublishableError
from app.services.content.question import quiz_of
from app.services.study.attempt import SEED_BYTES
from app.services.study.attempt_errors import InvalidAnswersError
from app.services.unit_of_work import UnitOfWork

T = TypeVar("T")


class PreviewService(Service):
    async def content(self, module_id: uuid.UUID) -> bytes:
        """Return what `GET /enrollments/{id}/content` would answer with if this were published."""
        async with self.reading() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
        return await _made(lambda: preview(draft_of(module)))

    async def start(
        self, module_id: uuid.UUID, section_id: uuid.UUID, payload: PreviewStart
    ) -> Answer[PreviewAttempt]:
        async with self.work() as uow:
            key = await _key(uow, module_id, section_id)
            attempt = _started(section_id, payload.number, key, await uow.now())
            return await uow.answer(Answer(attempt))

    async def submit(
        self, module_id: uuid.UUID, section_id: uuid.UUID, payload: PreviewSubmit
    ) -> Answer[PreviewResult]:
        """Grade answers as those of an attempt with this number would be graded."""
        async with self.work() as uow:
            key = await _key(uow, module_id, section_id)
            return await uow.answer(Answer(_graded(section_id, key, payload)))


async def _key(uow: UnitOfWork, module_id: uuid.UUID, section_id: uuid.UUID) -> QuizKey:
    module = found(await uow.modules.not_deleted(module_id), "module")
    quiz = quiz_of(module, section_id)
    sections = draft_of(module).in_order()
    place = [section.id for section in sections].index(quiz.id)
    return await _made(lambda: preview_key(place, sections[place]))


def _started(section_id: uuid.UUID, number: int, key: QuizKey, now: datetime) -> PreviewAttempt:
    snapshot = draw_snapshot(key, secrets.token_hex(SEED_BYTES))
    expires_at = deadline(key, now)
    return PreviewAttempt(
        state="open",
        section_id=section_id,
        number=number,
        seed=snapshot.seed,
        questions=learner_questions(snapshot),
        answers={},
        started_at=now,
        expires_at=expires_at,
        server_time=now if expires_at else None,
    )


def _graded(section_id: uuid.UUID, key: QuizKey, payload: PreviewSubmit) -> PreviewResult:
    snapshot = draw_snapshot(key, payload.seed)
    answers = _checked(snapshot, payload)
    result = grade_attempt(snapshot, key, answers)
    left = attempts_left(key, payload.number)
    return PreviewResult(
        state="graded",
        section_id=section_id,
        number=payload.number,
        seed=payload.seed,
        questions=learner_questions(snapshot),
        answers=answers,
        score_percent=result.score_percent,
        passed=result.passed,
        points=rounded(result.points),
        max_points=rounded(result.max_points),
        pass_mark=key.pass_mark,
        attempts_left=startable(left, passed=result.passed, closed=False),
        feedback=feedback(result, key, answers, passed=result.passed, attempts_left=left),
    )


def _checked(snapshot: Snapshot, payload: PreviewSubmit) -> JsonObject:
    parsed = parse_answers(snapshot.by_id(), payload.answers)
    if parsed.faults:
        raise InvalidAnswersError(parsed.faults)
    given = {str(each): answer_json(value) for each, value in parsed.valid.items()}
    return {each: value for each, value in given.items() if value is not None}


async def _made(make: Callable[[], T]) -> T:
    """Make it in a thread: sanitising the bodies may take a second."""
    try:
        return await asyncio.to_thread(make)
    except NotPublishableError as error:
        raise ModuleNotPublishableError(error.reasons) from None
