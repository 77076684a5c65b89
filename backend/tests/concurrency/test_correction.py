import asyncio

import httpx
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.study.quiz.grading import CorrectionKind
from app.models import AttemptResult, QuizAttempt, QuizCorrection, TrainingRecord, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.concurrency.race import ROUNDS, count, race, statuses, verify
from tests.factories.attempt import Quiz, make_quiz, question
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

PEOPLE = 10
WAITING = text(
    "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
    "WHERE d.datname = current_database() AND l.locktype = 'advisory' AND NOT l.granted"
)


async def correct(api: Api, author: User, quiz: Quiz, answer: str) -> httpx.Response:
    payload = {
        "section_id": str(quiz.section.id),
        "question_id": str(quiz.questions[0].id),
        "kind": "accept",
        "answer": answer,
        "note": "This is right too.",
    }
    return await api.post(f"/modules/{quiz.module.id}/versions/1/corrections", author, json=payload)


async def test_nobody_is_graded_past_a_correction(
    committed_api: Api, committed_database: Database, session: AsyncSession, author: User
) -> None:
    """Submissions during a correction are graded by it, or regraded by it: all pass."""
    people = [await make_user(session) for _ in range(PEOPLE)]
    regraded = []
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database, question("single_choice"))
        paths = []
        for person in people:
            enrollment_id = await quiz.enroll(committed_api, person)
            attempt = await quiz.start(committed_api, person, enrollment_id)
            paths.append(f"/attempts/{attempt['id']}/submit")
        body = {"answers": {str(quiz.questions[0].id): "c"}}
        submits = [
            committed_api.post(path, person, json=body)
            for path, person in zip(paths, people, strict=True)
        ]
        corrections = [correct(committed_api, author, quiz, answer) for answer in ("c", "a")]
        answers = await race([*submits[:5], *corrections, *submits[5:]])
        assert set(statuses(answers)) == {200, 201}
        passed = await session.scalars(
            select(QuizAttempt.passed).where(QuizAttempt.section_id == quiz.section.id)
        )
        assert list(passed) == [True] * PEOPLE
        assert await count(session, TrainingRecord) == number * PEOPLE
        regraded.append(await count(session, AttemptResult, AttemptResult.revision > 0))
    # Otherwise there was no race: everybody was graded after the correction.
    assert regraded[-1] > 0
    result = await verify(committed_database)
    assert (result.records, result.people, result.broken) == (ROUNDS * PEOPLE, PEOPLE, None)


async def test_grading_waits_for_a_correction_under_way(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    quiz = await make_quiz(session, committed_database, question("single_choice"))
    attempt = await quiz.begin(committed_api, learner)
    question_id = quiz.questions[0].id
    path, body = f"/attempts/{attempt['id']}/submit", {"answers": {str(question_id): "c"}}
    async with UnitOfWork(committed_database, SYSTEM) as uow:
        await uow.corrections.lock_quiz(quiz.version.id, quiz.section.id)
        submit = asyncio.create_task(committed_api.post(path, learner, json=body))
        while not submit.done() and not await uow.corrections.session.scalar(WAITING):
            pass
        assert not submit.done()
        await uow.corrections.add(
            QuizCorrection(
                version_id=quiz.version.id,
                section_id=quiz.section.id,
                number=1,
                question_id=question_id,
                kind=CorrectionKind.ACCEPT,
                answer="c",
                note="This is right too.",
            )
        )
    assert (await submit).json()["passed"] is True


async def test_corrections_of_two_quizzes_of_the_same_people(
    committed_api: Api, committed_database: Database, session: AsyncSession, author: User
) -> None:
    people = [await make_user(session) for _ in range(PEOPLE)]
    for _ in range(5):
        quizzes = [
            await make_quiz(session, committed_database, question("single_choice"))
            for _ in range(2)
        ]
        for quiz in quizzes:
            for person in people:
                enrollment_id = await quiz.enroll(committed_api, person)
                wrong = {str(quiz.questions[0].id): "c"}
                await quiz.take(committed_api, person, enrollment_id, wrong)
        answers = await asyncio.gather(
            *(correct(committed_api, author, quiz, "c") for quiz in quizzes)
        )
        assert [answer.json()["newly_passed"] for answer in answers] == [PEOPLE, PEOPLE]
    result = await verify(committed_database)
    assert (result.records, result.broken) == (5 * 2 * PEOPLE, None)
