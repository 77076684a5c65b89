import asyncio

import httpx
import orjson
import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.domain.study.quiz.grading import CorrectionKind
from app.models import AttemptResult, QuizAttempt, QuizCorrection, TrainingRecord, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.concurrency.race import ROUNDS, count, race, statuses, verify
from tests.factories.attempt import Quiz, make_quiz, question
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish, quiz_section
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


async def test_corrections_while_classes_close_lose_nothing(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    """The newest record of each person has the better result and the trainer, in one chain."""
    people = [await make_user(session) for _ in range(PEOPLE)]
    author = await make_user(session, role=Role.AUTHOR)
    for _ in range(5):
        quiz_part = quiz_section(
            question("single_choice"), question("true_false"), settings={"pass_mark": 50}
        )
        module = await make_module(session, quiz_part, live_section(required=False))
        quiz = Quiz(module, quiz_part, await publish(committed_database, module))
        answers = {**quiz.right(), str(quiz.questions[0].id): "c"}
        for person in people:
            await quiz.take(
                committed_api, person, await quiz.enroll(committed_api, person), answers
            )
        closings = []
        for _ in range(2):
            live = await make_live_session(session, module, admin, *people)
            marks = {"attended": [str(person.id) for person in people]}
            path = f"/live-sessions/{live.id}"
            await committed_api.put(f"{path}/attendance", admin, json=marks)
            closings.append(committed_api.post(f"{path}/close", admin))
        corrections = [correct(committed_api, author, quiz, answer) for answer in ("c", "a")]
        done = await race([closings[0], *corrections, closings[1]])
        assert statuses(done) == {200: 2, 201: 2}
        records = await session.scalars(
            select(TrainingRecord)
            .where(TrainingRecord.module_id == module.id)
            .order_by(TrainingRecord.sequence)
        )
        newest = {record.user_id: record for record in records}
        assert len(newest) == PEOPLE
        for record in newest.values():
            said = orjson.loads(record.payload)
            assert (said["score_percent"], len(said["instructors"])) == (100, 1)
    assert await count(session, TrainingRecord) == 5 * PEOPLE * 3
    assert (await verify(committed_database)).broken is None


async def test_a_correction_of_a_former_version_while_a_class_closes(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    """Some have begun the next version, whose class completes it; the others have not."""
    people = [await make_user(session) for _ in range(PEOPLE)]
    author = await make_user(session, role=Role.AUTHOR)
    for _ in range(5):
        quiz_part, class_part = (
            quiz_section(question("single_choice")),
            live_section(required=False),
        )
        quiz_part.settings = {"pass_mark": 0}
        module = await make_module(session, quiz_part, class_part)
        quiz = Quiz(module, quiz_part, await publish(committed_database, module))
        for person in people:
            enrollment_id = await quiz.enroll(committed_api, person)
            await quiz.take(committed_api, person, enrollment_id, quiz.wrong())
        await session.refresh(class_part)
        class_part.required = True
        await session.commit()
        await publish(committed_database, module)
        for person in people[: PEOPLE // 2]:
            enrollment_id = await quiz.enroll(committed_api, person)
            await quiz.take(committed_api, person, enrollment_id, quiz.wrong())
        live = await make_live_session(session, module, admin, *people)
        path = f"/live-sessions/{live.id}"
        marks = {"attended": [str(person.id) for person in people]}
        await committed_api.put(f"{path}/attendance", admin, json=marks)
        done = await race(
            [correct(committed_api, author, quiz, "c"), committed_api.post(f"{path}/close", admin)]
        )
        assert statuses(done) == {200: 1, 201: 1}
    assert (await verify(committed_database)).broken is None
