from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, QuizAttempt, TrainingRecord, User
from app.models.study.attempt import AttemptState
from app.services.context import SYSTEM
from app.services.study.attempt import AttemptService
from tests.factories.attempt import expire, make_quiz
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase


async def started(session: AsyncSession, database: RollbackDatabase, api: Api, people: int) -> None:
    quiz = await make_quiz(session, database, time_limit_seconds=60)
    for _ in range(people):
        user = await make_user(session)
        await quiz.begin(api, user)


async def states(session: AsyncSession) -> list[AttemptState]:
    return list(await session.scalars(select(QuizAttempt.state)))


async def test_closes_what_is_overdue_in_batches(
    api: Api, session: AsyncSession, database: RollbackDatabase
) -> None:
    await started(session, database, api, people=3)
    await expire(session, timedelta(minutes=2))
    service = AttemptService(database, SYSTEM)
    assert [await service.close_overdue(limit=2) for _ in range(3)] == [2, 1, 0]
    assert await states(session) == [AttemptState.GRADED] * 3
    actors = await session.scalars(
        select(AuditEvent.actor_id).where(AuditEvent.action == "attempt:graded")
    )
    assert list(actors) == [None] * 3


async def test_leaves_what_is_within_the_grace(
    api: Api, session: AsyncSession, database: RollbackDatabase
) -> None:
    await started(session, database, api, people=1)
    await expire(session, timedelta(seconds=4))
    assert await AttemptService(database, SYSTEM).close_overdue() == 0
    assert await states(session) == [AttemptState.OPEN]


async def test_attempts_without_a_limit_stay_open(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> None:
    quiz = await make_quiz(session, database)
    await quiz.begin(api, learner)
    assert await AttemptService(database, SYSTEM).close_overdue() == 0


async def test_closes_what_was_left_behind_too(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> None:
    """A passed attempt completes nothing in an enrollment that was withdrawn."""
    quiz = await make_quiz(session, database, time_limit_seconds=60)
    enrollment_id = await quiz.enroll(api, learner)
    attempt = await quiz.start(api, learner, enrollment_id)
    await api.put(f"/attempts/{attempt['id']}/answers", learner, json={"answers": quiz.right()})
    await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
    await expire(session, timedelta(minutes=2))
    service = AttemptService(database, SYSTEM)
    assert [await service.close_overdue() for _ in range(2)] == [1, 0]
    enrollment = (await api.get(f"/enrollments/{enrollment_id}", learner)).json()
    assert enrollment["status"] == "withdrawn"
    assert await session.scalar(select(func.count()).select_from(TrainingRecord)) == 0
