"""Confirming the name that a person gave themselves."""

import uuid
from http import HTTPStatus

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, User
from tests.factories.user import make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, etag


@pytest.fixture
async def colleague(session: AsyncSession, manager: User) -> User:
    return await make_user(session, manager_id=manager.id, full_name="Ada Byron")


async def rename(api: Api, user: User, name: str) -> dict[str, str]:
    mine = await api.get("/users/me", user)
    changed = await api.patch("/users/me", user, json={"full_name": name}, headers=etag(mine))
    shown = changed.json()
    assert (shown["full_name"], shown["name_confirmed"]) == (name, False)
    return etag(changed)


class TestConfirmName:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post(f"/users/{uuid.uuid4()}/confirm-name"))

    async def test_others_do_not_see_them(
        self, api: Api, colleague: User, learner: User, session: AsyncSession
    ) -> None:
        path = f"/users/{colleague.id}/confirm-name"
        any_state = {"If-Match": "*"}
        assert_problem(await api.post(path, learner, headers=any_state), 403, "forbidden")
        far = await make_user(session, role="manager")
        assert_problem(await api.post(path, far, headers=any_state), 404, "user_not_found")

    async def test_their_manager_confirms_what_was_read(
        self, api: Api, colleague: User, manager: User, session: AsyncSession
    ) -> None:
        path = f"/users/{colleague.id}/confirm-name"
        read = await rename(api, colleague, "Ada Lovelace")
        assert_problem(await api.post(path, manager), 428, "precondition_required")
        newer = await rename(api, colleague, "Somebody Else")
        assert_problem(await api.post(path, manager, headers=read), 412, "precondition_failed")
        confirmed = await api.post(path, manager, headers=newer)
        assert confirmed.json()["directory_name"] == "Somebody Else"
        assert confirmed.json()["name_confirmed"] is True
        (event,) = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "user:name_confirmed")
        )
        assert event.actor_id == manager.id
        assert event.before == {"directory_name": "Ada Byron"}
        assert event.after == {"directory_name": "Somebody Else"}

    async def test_nobody_confirms_their_own(self, api: Api, manager: User, admin: User) -> None:
        for user in (manager, admin):
            read = await rename(api, user, "Ada Lovelace")
            refused = await api.post(f"/users/{user.id}/confirm-name", user, headers=read)
            assert_problem(refused, 403, "own_name")

    async def test_nothing_to_confirm_changes_nothing(
        self, api: Api, colleague: User, admin: User
    ) -> None:
        read = await api.get(f"/users/{colleague.id}", admin)
        again = await api.post(f"/users/{colleague.id}/confirm-name", admin, headers=etag(read))
        assert (again.status_code, again.json()) == (HTTPStatus.OK, read.json())
