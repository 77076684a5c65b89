from http import HTTPStatus
from typing import Any

import pytest
from httpx import Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import User
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.people.conftest import Reach
from tests.routers.problems import assert_problem, pointers
from tests.support import Api


async def change(api: Api, admin: User, user: User, **payload: Any) -> Response:
    return await api.patch(f"/users/{user.id}", admin, json=payload, headers={"If-Match": "*"})


@pytest.fixture
async def numbered(session: AsyncSession) -> User:
    return await make_user(session, employee_number="E-017")


@pytest.fixture
async def left(api: Api, admin: User, numbered: User) -> User:
    assert (await change(api, admin, numbered, is_active=False)).is_success
    return numbered


class TestOneNumberOnePerson:
    @pytest.mark.parametrize("number", ["E-017", "e-017", " E - 0 1 7 "])
    async def test_neither_case_nor_spaces_make_two_of_one(
        self, api: Api, admin: User, learner: User, numbered: User, number: str
    ) -> None:
        refused = await change(api, admin, learner, employee_number=number)
        assert_problem(refused, HTTPStatus.CONFLICT, "employee_number_taken")
        body = {"email": "new@unified.example", "employee_number": number}
        refused = await api.post("/users/invite", admin, json=body)
        assert_problem(refused, HTTPStatus.CONFLICT, "employee_number_taken")

    @pytest.mark.parametrize("number", ["E-17", "E017", "E-0170"])
    async def test_zeros_and_signs_do(
        self, api: Api, admin: User, learner: User, numbered: User, number: str
    ) -> None:
        answer = await change(api, admin, learner, employee_number=f" {number} ")
        assert answer.json()["employee_number"] == number
        assert (await change(api, admin, learner, employee_number=None)).json()[
            "employee_number"
        ] is None

    async def test_a_mail_is_not_sent_in_vain(
        self, api: Api, admin: User, numbered: User, auth_admin: InMemoryAuthAdmin
    ) -> None:
        body = {"email": "new@unified.example", "employee_number": "e-017"}
        await api.post("/users/invite", admin, json=body)
        assert auth_admin.invited == []

    async def test_one_of_a_leaver_may_be_given_again(
        self, api: Api, admin: User, learner: User, numbered: User
    ) -> None:
        assert (await change(api, admin, numbered, is_active=False)).is_success
        assert (await change(api, admin, learner, employee_number="E-017")).is_success
        refused = await change(api, admin, numbered, is_active=True)
        assert_problem(refused, HTTPStatus.CONFLICT, "employee_number_taken")

    async def test_nobody_comes_back_to_one_that_is_taken(
        self, api: Api, admin: User, learner: User, left: User, reach: Reach
    ) -> None:
        """What was announced waits for an admin, and holds nobody else up."""
        assert (await change(api, admin, learner, employee_number="E-017")).is_success
        rehired = {"hired_on": "2027-01-01"}
        made = await api.post(f"/users/{left.id}/rehire", admin, json=rehired)
        await reach(made.json()["id"])
        assert (await api.get(f"/users/{left.id}", admin)).json()["is_active"] is False
        assert (await change(api, admin, learner, employee_number=None)).is_success
        await reach(made.json()["id"])
        assert (await api.get(f"/users/{left.id}", admin)).json()["is_active"] is True


@pytest.mark.parametrize(
    "number", ["", " ", "#1", "1\u0000", "\u0661", "x" * 41, 17, ["E-017"], "E-017\n;"]
)
async def test_is_short_and_plain(api: Api, admin: User, learner: User, number: object) -> None:
    refused = await change(api, admin, learner, employee_number=number)
    assert [pointer for pointer, _ in pointers(refused)] == ["/employee_number"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("employee_number=e-017", True),
        ("employee_number=E- 017", True),
        ("employee_number=017", False),
        ("q=e-01", True),
        ("q=E-0 17", True),
        ("q=E-018", False),
    ],
)
async def test_is_found(api: Api, admin: User, numbered: User, query: str, *, found: bool) -> None:
    items = (await api.get(f"/users?{query}", admin)).json()["items"]
    assert [item["id"] for item in items] == ([str(numbered.id)] if found else [])
