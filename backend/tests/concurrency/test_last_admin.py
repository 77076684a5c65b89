"""However many admins are demoted or closed at once, and in whatever way, one is left."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.domain.compliance import EmploymentState
from app.integrations.auth_admin import AuthUser
from app.models import EmploymentChange, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from app.services.people.account_sync import AccountSyncService
from app.services.people.user import LastAdminError, UserService
from tests.concurrency.race import ROUNDS, count, race, statuses
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api

pytestmark = pytest.mark.full

ADMINS = 10
ATTEMPTS = 50
Door = Callable[[Api, User, User], Awaitable[httpx.Response]]


async def _patch(api: Api, actor: User, target: User, change: dict[str, object]) -> httpx.Response:
    return await api.patch(f"/users/{target.id}", actor, json=change, headers={"If-Match": "*"})


async def _employ(api: Api, actor: User, target: User, action: str, **more: str) -> httpx.Response:
    body = {"effective_on": str(datetime.now(UTC).date()), **more}
    return await api.post(f"/users/{target.id}/{action}", actor, json=body)


DOORS: dict[str, Door] = {
    "role": lambda api, actor, target: _patch(api, actor, target, {"role": "learner"}),
    "is_active": lambda api, actor, target: _patch(api, actor, target, {"is_active": False}),
    "terminate": lambda api, actor, target: _employ(api, actor, target, "terminate"),
    "transfer": lambda api, actor, target: _employ(api, actor, target, "transfer", role="manager"),
}


async def admins(session: AsyncSession) -> int:
    await session.rollback()
    return await count(session, User, User.role == Role.ADMIN, User.is_active.is_(True))


async def restore(session: AsyncSession, people: list[User]) -> None:
    ids = [user.id for user in people]
    await session.execute(
        update(User).where(User.id.in_(ids)).values(role=Role.ADMIN, is_active=True)
    )
    await session.commit()


@pytest.mark.parametrize("door", DOORS)
async def test_of_fifty_demotions_at_once_one_admin_is_left(
    processes: list[Api], session: AsyncSession, door: str
) -> None:
    people = [await make_user(session, role=Role.ADMIN) for _ in range(ADMINS)]
    for turn in range(ROUNDS):
        await restore(session, people)
        answers = await race(
            DOORS[door](
                processes[number % len(processes)],
                people[number % ADMINS],
                people[(number + 1 + (number + turn) // ADMINS) % ADMINS],
            )
            for number in range(ATTEMPTS)
        )
        assert statuses(answers).keys() <= {200, 201, 403, 409, 503}, statuses(answers)
        assert await admins(session) >= 1


async def test_two_demote_each_other(processes: list[Api], session: AsyncSession) -> None:
    pair = [await make_user(session, role=Role.ADMIN) for _ in range(2)]
    for _ in range(ROUNDS):
        await restore(session, pair)
        answers = await race(
            DOORS["role"](process, actor, target)
            for process, actor, target in zip(processes, pair, reversed(pair), strict=False)
        )
        assert statuses(answers)[200] == 1, statuses(answers)
        assert await admins(session) == 1


async def test_the_command_line_leaves_one(
    committed_database: Database, session: AsyncSession
) -> None:
    boss = await make_user(session, role=Role.ADMIN)
    service = UserService(committed_database, SYSTEM, InMemoryAuthAdmin(), adds_words=False)
    with pytest.raises(LastAdminError):
        await service.promote(str(boss.email), Role.LEARNER)
    assert await admins(session) == 1


async def test_reconciliation_leaves_one(
    committed_database: Database, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> None:
    """The accounts of all admins were deleted: the others are followed, the admins stay."""
    bosses = [await make_user(session, role=Role.ADMIN) for _ in range(2)]
    learner = await make_user(session)
    for email in ("a@unified.example", "b@unified.example"):
        stranger = await make_user(session, email=email)
        assert stranger.supabase_id is not None
        auth_admin.put(AuthUser(stranger.supabase_id, email, email_confirmed=True))
    done = await AccountSyncService(committed_database, auth_admin, 0.1, ()).run(confirmed=True)
    assert done.deactivated == 1
    assert await admins(session) == len(bosses)
    await session.refresh(learner)
    assert not learner.is_active


async def test_what_was_announced_leaves_one(
    committed_database: Database, session: AsyncSession
) -> None:
    """Two admins were announced to leave on one day; the reconciliation of that day keeps both."""
    bosses = [await make_user(session, role=Role.ADMIN) for _ in range(2)]
    learner = await make_user(session)
    for user in (*bosses, learner):
        await _announce_termination(session, user)
    await ReconciliationService(committed_database, SYSTEM).run()
    assert await admins(session) == len(bosses)
    await session.refresh(learner)
    assert not learner.is_active


async def test_the_database_itself_refuses(session: AsyncSession) -> None:
    boss = await make_user(session, role=Role.ADMIN)
    await session.execute(update(User).where(User.id == boss.id).values(role=Role.MANAGER))
    with pytest.raises(IntegrityError):
        await session.commit()


async def _announce_termination(session: AsyncSession, user: User) -> None:
    today: date = datetime.now(UTC).date()
    session.add(
        EmploymentChange(
            user_id=user.id,
            effective_on=today,
            recorded_on=today,
            state=EmploymentState.TERMINATED,
            role=user.role,
        )
    )
    await session.commit()
