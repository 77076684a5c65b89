from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import QuizAttempt, User
from app.models.study.attempt import AttemptState
from tests.cli.conftest import Invoke
from tests.factories.attempt import expire, make_quiz
from tests.support import Api


async def test_close_overdue(
    invoke: Invoke,
    committed_api: Api,
    committed_database: Database,
    session: AsyncSession,
    learner: User,
) -> None:
    quiz = await make_quiz(session, committed_database, time_limit_seconds=60)
    await quiz.begin(committed_api, learner)
    before = await invoke("attempts", "close-overdue")
    assert (before.exit_code, before.stdout) == (0, "0 attempts closed and graded.\n")
    await expire(session)
    after = await invoke("attempts", "close-overdue")
    assert after.stdout == "1 attempts closed and graded.\n"
    assert await session.scalar(select(QuizAttempt.state)) is AttemptState.GRADED
