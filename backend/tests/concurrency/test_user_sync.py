import uuid
from collections import Counter

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.integrations.auth_admin import AuthUser
from app.models import User
from tests.concurrency.race import ROUNDS, audited, count, race, statuses
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

ME = "/api/v1/users/me"


def bearer(keys: LocalKeys, subject: uuid.UUID, email: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {keys.token(subject, email)}"}


async def test_first_requests_of_one_person_make_one_row(
    processes: list[Api], keys: LocalKeys, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> None:
    for number in range(ROUNDS):
        account = AuthUser(uuid.uuid4(), f"new{number}@unified.example", email_confirmed=True)
        auth_admin.put(account)
        headers = bearer(keys, account.id, f"new{number}@unified.example")
        answers = await race(
            processes[turn % len(processes)].client.get(ME, headers=headers) for turn in range(200)
        )
        assert statuses(answers) == {200: 200}
        assert len({answer.json()["id"] for answer in answers}) == 1
    assert await count(session, User) == ROUNDS
    assert await audited(session, "user:created") == ROUNDS


async def test_first_requests_claim_an_invited_row_once(
    processes: list[Api], keys: LocalKeys, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> None:
    for _ in range(ROUNDS // 2):
        invited = await make_user(session, supabase_id=None, role=Role.MANAGER)
        subject = uuid.uuid4()
        auth_admin.put(AuthUser(subject, invited.email, email_confirmed=True))
        headers = bearer(keys, subject, str(invited.email))
        answers = await race(process.client.get(ME, headers=headers) for process in processes * 5)
        assert statuses(answers) == {200: 50}
        assert {answer.json()["id"] for answer in answers} == {str(invited.id)}
    assert await audited(session, "user:claimed") == ROUNDS // 2


async def test_an_address_goes_to_one_of_two_accounts(
    processes: list[Api], keys: LocalKeys, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> None:
    for number in range(ROUNDS):
        email = f"shared{number}@unified.example"
        accounts = [AuthUser(uuid.uuid4(), email, email_confirmed=True) for _ in range(2)]
        for account in accounts:
            auth_admin.put(account)
        headers = [bearer(keys, account.id, email) for account in accounts]
        answers = await race(
            process.client.get(ME, headers=headers[turn % 2])
            for turn, process in enumerate(processes)
        )
        assert statuses(answers) == {200: 5, 409: 5}
    assert await count(session, User, User.is_active.is_(True)) == ROUNDS


async def test_invitations_of_one_address_make_one_row(
    processes: list[Api], session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
) -> None:
    """Only one mail is sent, because each further one would invalidate the link in the last."""
    for number in range(ROUNDS):
        person = {"email": f"invited{number}@unified.example"}
        answers = await race(
            process.post("/users/invite", admin, json=person) for process in processes
        )
        assert statuses(answers) == {201: 1, 409: len(processes) - 1}
        refused = {answer.json().get("code") for answer in answers} - {None}
        assert refused <= {"email_in_use", "invitation_under_way"}
    assert await audited(session, "user:invited") == ROUNDS
    assert Counter(auth_admin.invited) == {f"invited{n}@unified.example": 1 for n in range(ROUNDS)}


@pytest.mark.parametrize("keyed", [False, True])
async def test_invitations_sent_again_at_once_are_one_mail(
    processes: list[Api],
    session: AsyncSession,
    admin: User,
    auth_admin: InMemoryAuthAdmin,
    *,
    keyed: bool,
) -> None:
    for _ in range(ROUNDS):
        imported = await make_user(session, supabase_id=None, last_sign_in=None)
        path = f"/users/{imported.id}/invite"
        headers = {"Idempotency-Key": f"invite-{imported.id}"} if keyed else {}
        answers = await race(process.post(path, admin, headers=headers) for process in processes)
        assert statuses(answers).keys() <= {200, 409}
        assert auth_admin.invited.count(str(imported.email)) == 1


async def test_of_namesakes_who_sign_up_at_once_one_name_counts(
    processes: list[Api], keys: LocalKeys, session: AsyncSession, auth_admin: InMemoryAuthAdmin
) -> None:
    for number in range(ROUNDS):
        name = f"Ivy Incisor {number}"
        calls = []
        for process in processes:
            account = AuthUser(
                uuid.uuid4(), f"{uuid.uuid4()}@unified.example", email_confirmed=True
            )
            auth_admin.put(account)
            token = keys.token(account.id, account.email, user_metadata={"full_name": name})
            calls.append(process.client.get(ME, headers={"Authorization": f"Bearer {token}"}))
        confirmed = Counter(answer.json()["name_confirmed"] for answer in await race(calls))
        assert confirmed == {True: 1, False: len(processes) - 1}
