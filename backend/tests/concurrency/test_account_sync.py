"""Reconciling accounts while their owners are at work, and while somebody else reconciles."""

import asyncio

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.integrations.auth_admin import AuthUser
from app.models import User
from app.services.people.account_sync import AccountSyncService
from tests.concurrency.race import audited, race, statuses
from tests.concurrency.test_user_sync import ME, bearer
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

MOVED, GONE, ROUNDS = 40, 5, 5


async def people_in_motion(
    session: AsyncSession, auth: InMemoryAuthAdmin, number: int
) -> list[User]:
    """Return people whose address changed in Supabase; make others whose account was deleted."""
    moved = [await make_user(session) for _ in range(MOVED)]
    for place, user in enumerate(moved):
        assert user.supabase_id is not None
        email = f"moved{number}-{place}@unified.example"
        auth.put(AuthUser(user.supabase_id, email, email_confirmed=True))
    for _ in range(GONE):
        await make_user(session)
    return moved


async def test_everybody_is_followed_once(
    committed_database: Database,
    processes: list[Api],
    keys: LocalKeys,
    session: AsyncSession,
    auth_admin: InMemoryAuthAdmin,
) -> None:
    for number in range(ROUNDS):
        moved = await people_in_motion(session, auth_admin, number)
        services = [AccountSyncService(committed_database, auth_admin, 0.1, ()) for _ in range(3)]
        accounts = [auth_admin.users[user.supabase_id] for user in moved if user.supabase_id]
        runs, answers = await asyncio.gather(
            asyncio.gather(*(service.run(confirmed=True) for service in services)),
            race(
                processes[turn % len(processes)].client.get(
                    ME, headers=bearer(keys, account.id, account.email or "")
                )
                for turn, account in enumerate(accounts)
            ),
        )
        assert statuses(answers) == {200: MOVED}
        assert sum(run.deactivated for run in runs) == GONE
        last = await AccountSyncService(committed_database, auth_admin, 0.1, ()).run()
        assert last.held_back == 0
        emails = [account.email for account in accounts]
        found = await session.scalars(select(User.email).where(User.email.in_(emails)))
        assert sorted(map(str, found)) == sorted(email for email in emails if email)
        assert await audited(session, "user:email_changed") == MOVED * (number + 1)
        assert await audited(session, "user:account_deleted") == GONE * (number + 1)
        await session.rollback()
