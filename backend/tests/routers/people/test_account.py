"""Accounts of people without a mailbox: a user name and a first password."""

import uuid
from http import HTTPStatus
from typing import Any

from httpx import Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUnavailableError, AuthUser
from app.models import AuditEvent, IdempotencyKey, User
from app.services.people.account_sync import AccountSyncService
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

PASSWORD = "clean-teeth-first-1"  # of nobody
ACCOUNT = {"username": "maria.lopez", "password": PASSWORD}
ADDRESS = "maria.lopez@people.invalid"


async def somebody(session: AsyncSession, **fields: Any) -> User:
    without = {"email": None, "supabase_id": None, "email_confirmed": False}
    return await make_user(session, **{**without, "full_name": "Maria Lopez", **fields})


async def give(api: Api, admin: User, person: User, **fields: Any) -> Response:
    return await api.post(f"/users/{person.id}/account", admin, json={**ACCOUNT, **fields})


class TestOpenAccount:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post(f"/users/{uuid.uuid4()}/account", json=ACCOUNT))

    async def test_the_person_signs_in_with_it(
        self, api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await somebody(session)
        opened = await give(api, admin, person)
        assert opened.json()["email"] == ADDRESS
        assert auth_admin.passwords == {person.id: PASSWORD}
        me = await api.get("/users/me", await session.get(User, person.id, populate_existing=True))
        assert me.json()["id"] == str(person.id)

    async def test_the_password_is_kept_nowhere(
        self, api: Api, session: AsyncSession, admin: User
    ) -> None:
        person = await somebody(session)
        key = {"Idempotency-Key": "once"}
        address = f"/users/{person.id}/account"
        opened = [await api.post(address, admin, json=ACCOUNT, headers=key) for _ in range(2)]
        assert opened[0].content == opened[1].content
        (kept,) = await session.scalars(select(IdempotencyKey))
        (event,) = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "user:account_opened")
        )
        told = f"{opened[0].text} {kept.body!r} {event.before} {event.after}"
        assert PASSWORD not in told

    async def test_whoever_has_an_address_is_invited(
        self, api: Api, admin: User, learner: User
    ) -> None:
        assert_problem(await give(api, admin, learner), 409, "has_address")

    async def test_a_user_name_is_given_once(
        self, api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        await give(api, admin, await somebody(session))
        other = await somebody(session)
        assert_problem(await give(api, admin, other), 409, "email_in_use")
        auth_admin.put(AuthUser(uuid.uuid4(), "taken@people.invalid", email_confirmed=True))
        response = await give(api, admin, other, username="taken")
        assert_problem(response, 409, "email_in_use")

    async def test_leavers_get_none(self, api: Api, session: AsyncSession, admin: User) -> None:
        gone = await somebody(session, is_active=False)
        assert_problem(await give(api, admin, gone), 409, "user_closed")

    async def test_a_short_password_or_a_strange_name_is_refused(
        self, api: Api, session: AsyncSession, admin: User
    ) -> None:
        response = await give(
            api, admin, await somebody(session), username="Ma ria", password="x"
        )  # of nobody
        assert dict(pointers(response)).keys() == {"/username", "/password"}
        assert '"x"' not in response.text

    async def test_a_lost_answer_is_made_good_by_trying_again(
        self, api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await somebody(session)
        auth_admin.loses_answers = True
        assert (await give(api, admin, person)).status_code == HTTPStatus.SERVICE_UNAVAILABLE
        auth_admin.loses_answers = False
        assert (await give(api, admin, person)).status_code == HTTPStatus.OK
        assert list(auth_admin.users) == [person.id]

    async def test_none_is_left_behind_whose_person_does_not_have_it(
        self,
        api: Api,
        session: AsyncSession,
        admin: User,
        auth_admin: InMemoryAuthAdmin,
        database: RollbackDatabase,
    ) -> None:
        """Auth opens it, its answer is lost, and Auth is away when it is to be removed."""
        person = await somebody(session)
        assert admin.supabase_id is not None
        auth_admin.put(AuthUser(admin.supabase_id, admin.email, email_confirmed=True))
        auth_admin.loses_answers = True
        auth_admin.keeps[person.id] = AuthUnavailableError()
        assert (await give(api, admin, person)).status_code == HTTPStatus.SERVICE_UNAVAILABLE
        auth_admin.loses_answers = False
        auth_admin.keeps.clear()
        assert person.id in auth_admin.users
        assert (await AccountSyncService(database, auth_admin, 0.5, ()).run()).given_up == 0
        assert person.id not in auth_admin.users
        assert (await give(api, admin, person)).status_code == HTTPStatus.OK
        assert (await AccountSyncService(database, auth_admin, 0.5, ()).run()).deactivated == 0
        assert person.id in auth_admin.users

    async def test_an_address_may_follow_later(
        self, api: Api, session: AsyncSession, admin: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        person = await somebody(session)
        await give(api, admin, person)
        body = {"email": "maria@unified.example"}
        corrected = await api.put(
            f"/users/{person.id}/email", admin, json=body, headers={"If-Match": "*"}
        )
        assert corrected.json()["email"] == "maria@unified.example"
        assert auth_admin.users[person.id].email == "maria@unified.example"
