from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.models import AttemptGrant, AttemptResult, QuizAttempt, TrainingRecord, User
from app.models.study.attempt import AttemptState
from app.services.context import SYSTEM
from app.services.study.attempt import AttemptService
from tests.concurrency.race import ROUNDS, audited, count, race, statuses, verify
from tests.factories.attempt import Quiz, expire, make_quiz, question
from tests.factories.user import make_user
from tests.support import Api

pytestmark = pytest.mark.full

OPEN = QuizAttempt.state == AttemptState.OPEN


async def submit(
    api: Api, user: User, attempt: dict[str, Any], answers: dict[str, Any]
) -> httpx.Response:
    path = f"/attempts/{attempt['id']}/submit"
    return await api.post(path, user, json={"answers": answers})


async def save(
    api: Api, user: User, attempt: dict[str, Any], answers: dict[str, Any]
) -> httpx.Response:
    path = f"/attempts/{attempt['id']}/answers"
    return await api.put(path, user, json={"answers": answers})


async def stored(session: AsyncSession, attempt: dict[str, Any]) -> QuizAttempt:
    statement = select(QuizAttempt).where(QuizAttempt.id == attempt["id"])
    return (await session.scalars(statement.execution_options(populate_existing=True))).one()


async def test_starts_make_one_attempt(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database)
        path = quiz.attempts(await quiz.enroll(committed_api, learner))
        answers = await race(committed_api.post(path, learner) for _ in range(50))
        assert statuses(answers) == {201: 1, 200: 49}
        assert len({answer.content for answer in answers}) == 1
        assert await count(session, QuizAttempt) == number
        assert await audited(session, "attempt:started") == number


async def test_a_start_while_leaving_counts_or_is_refused(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    seen = set()
    for _ in range(ROUNDS):
        quiz = await make_quiz(session, committed_database)
        enrollment_id = await quiz.enroll(committed_api, learner)
        leave = f"/enrollments/{enrollment_id}/withdraw"
        started, left = await race(
            [
                committed_api.post(quiz.attempts(enrollment_id), learner),
                committed_api.post(leave, learner),
            ]
        )
        again = await quiz.begin(committed_api, learner)
        seen.add((started.status_code, left.status_code, again["number"]))
    assert seen <= {(201, 200, 2), (409, 200, 1)}


async def test_submits_make_one_grade(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database)
        attempt = await quiz.begin(committed_api, learner)
        answers = await race(
            submit(committed_api, learner, attempt, quiz.right()) for _ in range(50)
        )
        assert statuses(answers) == {200: 50}
        assert len({answer.content for answer in answers}) == 1
        assert await count(session, AttemptResult) == number
        assert await count(session, TrainingRecord) == number
        assert await audited(session, "attempt:graded") == number
    result = await verify(committed_database)
    assert (result.records, result.broken) == (ROUNDS, None)


async def test_submits_of_what_was_saved_make_one_grade(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database)
        attempt = await quiz.begin(committed_api, learner)
        await save(committed_api, learner, attempt, quiz.right())
        answers = await race(submit(committed_api, learner, attempt, {}) for _ in range(50))
        assert statuses(answers) == {200: 50}
        assert len({answer.content for answer in answers}) == 1
        assert await count(session, AttemptResult) == number


async def test_different_last_answers_make_one_grade(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database)
        attempt = await quiz.begin(committed_api, learner)
        answers = await race(
            submit(committed_api, learner, attempt, quiz.right() if turn % 2 else quiz.wrong())
            for turn in range(50)
        )
        assert statuses(answers) == {200: 50}
        assert len({answer.content for answer in answers}) == 1
        assert await count(session, AttemptResult) == number


async def test_saves_that_were_acknowledged_are_graded(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    outcomes = []
    for _ in range(ROUNDS):
        quiz = await make_quiz(
            session, committed_database, *(question("true_false") for _ in range(40))
        )
        attempt = await quiz.begin(committed_api, learner)
        saved = [{key: value} for key, value in quiz.right().items()]
        answers = await race(
            [save(committed_api, learner, attempt, each) for each in saved[:20]]
            + [submit(committed_api, learner, attempt, {}) for _ in range(10)]
            + [save(committed_api, learner, attempt, each) for each in saved[20:]]
        )
        saves, submits = answers[:20] + answers[30:], answers[20:30]
        assert statuses(submits) == {200: 10}
        assert len({answer.content for answer in submits}) == 1
        assert set(statuses(saves)) <= {200, 409}
        kept = {
            key
            for each, answer in zip(saved, saves, strict=True)
            if answer.status_code == httpx.codes.OK
            for key in each
        }
        assert set((await stored(session, attempt)).answers) == kept
        assert submits[0].json()["points"] == len(kept)
        outcomes.append(len(kept))
    # Otherwise there was no race: all saves came before the grade, or all after it.
    assert any(0 < kept < 40 for kept in outcomes)


async def test_submits_and_starts_number_attempts_one_by_one(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    quiz = await make_quiz(session, committed_database, max_attempts=None)
    enrollment_id = await quiz.enroll(committed_api, learner)
    path = quiz.attempts(enrollment_id)
    for _ in range(ROUNDS):
        attempt = (await committed_api.post(path, learner)).json()
        answers = await race(
            submit(committed_api, learner, attempt, quiz.wrong())
            if turn % 2
            else committed_api.post(path, learner)
            for turn in range(50)
        )
        assert set(statuses(answers)) <= {200, 201}
        assert statuses(answers)[201] <= 1
        assert await count(session, QuizAttempt, OPEN) <= 1
    numbers = list(await session.scalars(select(QuizAttempt.number).order_by(QuizAttempt.number)))
    assert numbers == list(range(1, len(numbers) + 1))
    assert await count(session, AttemptResult) == await count(session, QuizAttempt, ~OPEN)


async def test_grants_at_once_give_one_attempt(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    admins = [await make_user(session, role=Role.ADMIN) for _ in range(2)]
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database, max_attempts=1)
        enrollment_id = await quiz.enroll(committed_api, learner)
        await quiz.take(committed_api, learner, enrollment_id, quiz.wrong())
        path = quiz.attempts(enrollment_id).removesuffix("s") + "-grants"
        reason = {"reason": "Was called away."}
        answers = await race(
            committed_api.post(path, admins[turn % 2], json=reason) for turn in range(20)
        )
        assert statuses(answers) == {201: 1, 409: 19}
        assert await count(session, AttemptGrant) == number
        assert await audited(session, "attempt_grant:created") == number


async def test_time_runs_out_once(
    committed_api: Api, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    for number in range(1, ROUNDS + 1):
        quiz = await make_quiz(session, committed_database, time_limit_seconds=60)
        attempt = await quiz.begin(committed_api, learner)
        await save(committed_api, learner, attempt, quiz.right())
        await expire(session, timedelta(seconds=10))
        service = AttemptService(committed_database, SYSTEM)
        path = f"/attempts/{attempt['id']}"
        answers = await race(
            _touch(committed_api, learner, quiz, attempt, turn) for turn in range(48)
        )
        assert await service.close_overdue() == 0
        assert set(statuses(answers)) <= {200, 409}
        read = (await committed_api.get(path, learner)).json()
        assert (read["timed_out"], read["passed"]) == (True, True)
        assert await count(session, AttemptResult) == number
        assert await count(session, TrainingRecord) == number


async def _touch(
    api: Api, user: User, quiz: Quiz, attempt: dict[str, Any], turn: int
) -> httpx.Response:
    match turn % 4:
        case 0:
            return await submit(api, user, attempt, quiz.wrong())
        case 1:
            return await save(api, user, attempt, quiz.wrong())
        case 2:
            return await api.get(f"/attempts/{attempt['id']}", user)
        case _:
            return await api.post(quiz.attempts(attempt["enrollment_id"]), user)
