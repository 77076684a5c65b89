"""Accounts of people without a mailbox, opened by several admins at once."""

import uuid

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import InvitationClaim, User
from tests.concurrency.race import ROUNDS, audited, count, race, statuses
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api

pytestmark = pytest.mark.full

AT_ONCE = 5


async def test_one_account_is_made(
    committed_api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
) -> None:
    for turn in range(ROUNDS):
        person = await make_user(session, supabase_id=None, email=None)
        answers = await race(
            committed_api.post(
                f"/users/{person.id}/account",
                admin,
                json={"username": f"maria{turn}.{place}", "password": "a first password"},
            )
            for place in range(AT_ONCE)
        )
        assert statuses(answers) == {200: 1, 409: AT_ONCE - 1}
        (opened,) = [each.json() for each in answers if each.is_success]
        row = (await committed_api.get(f"/users/{person.id}", admin)).json()
        assert (row["email"], row["supabase_id"]) == (opened["email"], opened["supabase_id"])
        account = await auth_admin.get_user(uuid.UUID(row["supabase_id"]))
        assert account is not None
        assert account.email == row["email"]
        assert len(auth_admin.users) == turn + 1
    assert await audited(session, "user:account_opened") == ROUNDS
    assert await count(session, InvitationClaim) == 0


async def test_one_name_makes_one_account(
    committed_api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
) -> None:
    """Two people are given one user name at once: one gets it, and the other keeps none."""
    for turn in range(ROUNDS):
        people = [await make_user(session, supabase_id=None, email=None) for _ in range(2)]
        body = {"username": f"same{turn}", "password": "a first password"}
        answers = await race(
            committed_api.post(f"/users/{person.id}/account", admin, json=body) for person in people
        )
        assert statuses(answers) == {200: 1, 409: 1}
        assert len(auth_admin.users) == turn + 1
