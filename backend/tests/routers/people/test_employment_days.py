"""Changes of an employment for days other than the last that something is recorded for."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.domain.compliance.requirement import Rule
from app.integrations.auth_admin import AuthUser
from app.models import Location, Requirement, User
from app.services.compliance.requirement import add_requirement
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase, etag

DAY = timedelta(days=1)
HIRED = date(2024, 1, 8)


@pytest.fixture
async def office(session: AsyncSession) -> Location:
    return await make_location(session)


@pytest.fixture
async def person(session: AsyncSession, office: Location, auth_admin: InMemoryAuthAdmin) -> User:
    await list_words(session, departments=["Hygiene"], job_titles=["Lead"])
    user = await make_user(session, hired_on=HIRED, location_id=office.id)
    assert user.supabase_id is not None
    auth_admin.put(AuthUser(user.supabase_id, user.email, email_confirmed=True))
    return user


@pytest.fixture
async def today(database: RollbackDatabase, person: User) -> date:
    async with UnitOfWork(database, SYSTEM) as uow:
        return await uow.employment.today_of(person.id)


@pytest.fixture
async def required(session: AsyncSession, database: RollbackDatabase) -> Requirement:
    """A rule that has been in force for years."""
    module = await make_module(session)
    await publish(database, module)
    requirement, rule = Requirement(title="Hygiene"), Rule.model_validate(rule_json(module.id))
    async with UnitOfWork(database, SYSTEM) as uow:
        await add_requirement(uow, requirement, rule, HIRED, adds_words=False)
    return requirement


async def act(api: Api, actor: User, user: User, what: str, **payload: Any) -> dict[str, Any]:
    body = {name: str(value) for name, value in payload.items()}
    response = await api.post(f"/users/{user.id}/{what}", actor, json=body)
    assert response.status_code == 201, response.text
    return dict(response.json())


async def edit(api: Api, admin: User, user: User, **change: Any) -> None:
    path = f"/users/{user.id}"
    headers = etag(await api.get(path, admin))
    response = await api.patch(path, admin, json=change, headers=headers)
    assert response.status_code == 200, response.text


async def held(api: Api, admin: User, user: User, *days: date) -> list[tuple[str, str | None]]:
    """Return state and job title on these days."""
    rows = (await api.get(f"/users/{user.id}/employment?limit=100", admin)).json()["items"]
    rows.sort(key=lambda row: (row["effective_on"], row["created_at"], row["id"]))
    found = [[row for row in rows if row["effective_on"] <= str(day)][-1] for day in days]
    return [(row["state"], row["job_title"]) for row in found]


async def statuses(api: Api, admin: User, user: User, *days: date) -> list[str | None]:
    found = []
    for day in days:
        body = (await api.get(f"/users/{user.id}/compliance?as_of={day}", admin)).json()
        found.append(body["items"][0]["status"] if body["items"] else None)
    return found


class TestLeave:
    async def test_brings_nobody_back_who_has_left(
        self, api: Api, admin: User, session: AsyncSession, person: User, today: date
    ) -> None:
        """A manager would open a closed account by a leave that ends today."""
        manager = await make_user(session, role=Role.MANAGER, location_id=person.location_id)
        await act(api, admin, person, "terminate", effective_on=today - 5 * DAY)
        body = {"starts_on": str(today - 9 * DAY), "returns_on": str(today)}
        response = await api.post(f"/users/{person.id}/leave", manager, json=body)
        assert_problem(response, 409, "not_employed")
        assert not (await api.get(f"/users/{person.id}", admin)).json()["is_active"]

    async def test_outlasts_no_announced_end(
        self, api: Api, admin: User, person: User, today: date
    ) -> None:
        ends_on = today + 5 * DAY
        await act(api, admin, person, "terminate", effective_on=ends_on)
        body = {"starts_on": str(today), "returns_on": str(today + 9 * DAY)}
        response = await api.post(f"/users/{person.id}/leave", admin, json=body)
        assert_problem(response, 409, "not_employed")
        await act(api, admin, person, "leave", starts_on=today)
        assert await held(api, admin, person, today, ends_on) == [
            ("leave", None),
            ("terminated", None),
        ]

    async def test_ends_for_what_was_announced_too(
        self, api: Api, admin: User, person: User, today: date
    ) -> None:
        moves_on = today + 10 * DAY
        await act(api, admin, person, "leave", starts_on=today)
        await act(api, admin, person, "transfer", effective_on=moves_on, job_title="Lead")
        await act(api, admin, person, "return", effective_on=today + 5 * DAY)
        assert await held(api, admin, person, today, moves_on - DAY, moves_on) == [
            ("leave", None),
            ("active", None),
            ("active", "Lead"),
        ]


class TestComingBack:
    """What was announced before somebody left ends them no second time."""

    async def test_by_a_rehire(self, api: Api, admin: User, person: User, today: date) -> None:
        moves_on = today + 10 * DAY
        await act(api, admin, person, "transfer", effective_on=moves_on, job_title="Lead")
        await act(api, admin, person, "terminate", effective_on=today - DAY)
        await act(api, admin, person, "rehire", hired_on=today)
        assert await held(api, admin, person, today, moves_on) == [("active", None)] * 2

    async def test_an_end_announced_after_the_rehire_holds(
        self, api: Api, admin: User, person: User, today: date
    ) -> None:
        back_on, ends_on = today + 10 * DAY, today + 20 * DAY
        await act(api, admin, person, "terminate", effective_on=today)
        await act(api, admin, person, "rehire", hired_on=back_on)
        await act(api, admin, person, "terminate", effective_on=ends_on)
        await act(api, admin, person, "rehire", hired_on=today + DAY)
        found = await held(api, admin, person, today, today + DAY, back_on, ends_on)
        assert [state for state, _ in found] == ["terminated", "active", "active", "terminated"]

    async def test_by_opening_the_account(
        self, api: Api, admin: User, person: User, today: date
    ) -> None:
        moves_on = today + 10 * DAY
        await act(api, admin, person, "transfer", effective_on=moves_on, job_title="Lead")
        await edit(api, admin, person, is_active=False)
        await edit(api, admin, person, is_active=True)
        assert await held(api, admin, person, today, moves_on) == [
            ("active", None),
            ("active", "Lead"),
        ]

    async def test_an_end_announced_after_a_rehire_to_come_holds(
        self, api: Api, admin: User, person: User, today: date
    ) -> None:
        back_on, ends_on = today + 10 * DAY, today + 20 * DAY
        await act(api, admin, person, "terminate", effective_on=today)
        await act(api, admin, person, "rehire", hired_on=back_on)
        await act(api, admin, person, "terminate", effective_on=ends_on)
        await edit(api, admin, person, is_active=True)
        found = await held(api, admin, person, today, back_on, ends_on)
        assert [state for state, _ in found] == ["active", "active", "terminated"]

    async def test_by_voiding_where_the_office_to_come_is_gone(
        self, api: Api, admin: User, session: AsyncSession, person: User, today: date
    ) -> None:
        new = await make_location(session)
        await act(api, admin, person, "transfer", effective_on=today + 9 * DAY, location_id=new.id)
        ended = await act(api, admin, person, "terminate", effective_on=today)
        path = f"/locations/{new.id}"
        headers = etag(await api.get(path, admin))
        assert (await api.delete(path, admin, headers=headers)).status_code == 204
        path = f"/users/{person.id}/employment/{ended['id']}/void"
        refused = await api.post(path, admin, json={"reason": "A mistake"})
        assert_problem(refused, 409, "location_deleted")


class TestCorrectedHire:
    """The date of hire of somebody who was entered as hired today is three weeks earlier."""

    @pytest.fixture
    async def entered(
        self, api: Api, admin: User, session: AsyncSession, office: Location, required: Requirement
    ) -> User:
        return await make_user(session, hired_on=None, location_id=office.id)

    async def test_ends_before_it_was_entered(
        self, api: Api, admin: User, entered: User, today: date
    ) -> None:
        await edit(api, admin, entered, hired_on=str(today - 21 * DAY))
        await act(api, admin, entered, "terminate", effective_on=today - 7 * DAY)
        days = (today - 22 * DAY, today - 21 * DAY, today - 8 * DAY, today - 7 * DAY, today)
        found = await statuses(api, admin, entered, *days)
        assert [status is not None for status in found] == [False, True, True, False, False]
        assert not (await api.get(f"/users/{entered.id}", admin)).json()["is_active"]

    async def test_leave_before_it_was_entered(
        self, api: Api, admin: User, entered: User, today: date
    ) -> None:
        await edit(api, admin, entered, hired_on=str(today - 21 * DAY))
        first, back = today - 9 * DAY, today - 5 * DAY
        await act(api, admin, entered, "leave", starts_on=first, returns_on=back)
        days = (today - 21 * DAY, first - DAY, first, back - DAY, back, today)
        found = await statuses(api, admin, entered, *days)
        assert [status == "exempt" for status in found] == [False, False, True, True, False, False]

    async def test_not_before_that(self, api: Api, admin: User, entered: User, today: date) -> None:
        await edit(api, admin, entered, hired_on=str(today - 21 * DAY))
        body = {"effective_on": str(today - 22 * DAY)}
        refused = await api.post(f"/users/{entered.id}/terminate", admin, json=body)
        assert_problem(refused, 409, "not_employed")

    @pytest.mark.parametrize("corrected_first", [True, False])
    async def test_what_is_recorded_for_earlier_leaves_the_correction(
        self, api: Api, admin: User, person: User, today: date, *, corrected_first: bool
    ) -> None:
        hired_on, first, back = HIRED - 30 * DAY, today - 9 * DAY, today - 5 * DAY
        if corrected_first:
            await edit(api, admin, person, hired_on=str(hired_on))
        await act(api, admin, person, "leave", starts_on=first, returns_on=back)
        if not corrected_first:
            await edit(api, admin, person, hired_on=str(hired_on))
        body = {"effective_on": str(hired_on)}
        refused = await api.post(f"/users/{person.id}/rehire", admin, json={"hired_on": str(today)})
        assert_problem(refused, 409, "still_employed")
        await act(api, admin, person, "terminate", **body)
        rows = (await api.get(f"/users/{person.id}/employment?limit=100", admin)).json()["items"]
        assert rows[0]["hired_on"] == str(hired_on)
