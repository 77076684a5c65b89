from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.integrations.auth_admin import AuthUser
from app.models import Location, Requirement, TrainingModule, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase, etag

DAY = timedelta(days=1)


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def required(database: RollbackDatabase, module: TrainingModule) -> Requirement:
    return await make_requirement(database, module.id)


@pytest.fixture
async def office(
    session: AsyncSession, database: RollbackDatabase, module: TrainingModule
) -> Location:
    """An office to whose people alone a requirement applies."""
    office = await make_location(session)
    await make_requirement(database, module.id, audience={"location_ids": [str(office.id)]})
    return office


@pytest.fixture
async def today(database: RollbackDatabase, learner: User) -> date:
    async with UnitOfWork(database, SYSTEM) as uow:
        return await uow.employment.today_of(learner.id)


@pytest.fixture(autouse=True)
async def _words(session: AsyncSession) -> None:
    titles = ["Assistant", "Hygienist", "Lead", "Owner"]
    await list_words(session, departments=["Hygiene"], job_titles=titles)


async def act(api: Api, admin: User, user: User, what: str, **payload: Any) -> dict[str, Any]:
    response = await api.post(f"/users/{user.id}/{what}", admin, json=payload)
    assert response.status_code == HTTPStatus.CREATED, response.text
    return dict(response.json())


async def status(api: Api, user: User, day: date) -> str | None:
    body = (await api.get(f"/users/{user.id}/compliance?as_of={day}", user)).json()
    return body["items"][0]["status"] if body["items"] else None


async def history(api: Api, admin: User, user: User) -> list[dict[str, Any]]:
    items = (await api.get(f"/users/{user.id}/employment", admin)).json()["items"]
    return list(reversed(items))


class TestHistory:
    async def test_admins_only(self, api: Api, learner: User, manager: User) -> None:
        path = f"/users/{learner.id}/employment"
        assert (await api.get(path)).status_code == HTTPStatus.UNAUTHORIZED
        for user in (learner, manager):
            assert (await api.get(path, user)).status_code == HTTPStatus.FORBIDDEN

    async def test_every_change_of_a_person_is_kept(
        self, api: Api, admin: User, learner: User
    ) -> None:
        path = f"/users/{learner.id}"
        for change in ({"job_title": "Hygienist"}, {"full_name": "New Name"}, {"role": "manager"}):
            headers = etag(await api.get(path, admin))
            assert (await api.patch(path, admin, json=change, headers=headers)).is_success
        rows = await history(api, admin, learner)
        assert [(row["job_title"], row["role"]) for row in rows] == [
            (None, "learner"),
            ("Hygienist", "learner"),
            ("Hygienist", "manager"),
        ]

    async def test_unknown_person(self, api: Api, admin: User, learner: User) -> None:
        path = f"/users/{learner.id}/leave".replace(str(learner.id)[:4], "0000")
        response = await api.post(path, admin, json={"starts_on": "2030-01-01"})
        assert response.status_code == HTTPStatus.NOT_FOUND


class TestLeave:
    async def test_and_return(
        self,
        api: Api,
        admin: User,
        learner: User,
        required: Requirement,
        today: date,
    ) -> None:
        first, back = today + 5 * DAY, today + 60 * DAY
        await act(api, admin, learner, "leave", starts_on=str(first), returns_on=str(back))
        days = (first - DAY, first, back - DAY, back)
        assert [await status(api, learner, day) for day in days] == [
            "never_trained",  # the first due date has moved to the day of the return
            "exempt",
            "exempt",
            "due",
        ]
        body = (await api.get(f"/users/{learner.id}/compliance?as_of={back}", learner)).json()
        assert body["items"][0]["due_on"] == str(back)

    async def test_return_needs_a_leave(
        self, api: Api, admin: User, learner: User, today: date
    ) -> None:
        path = f"/users/{learner.id}/return"
        response = await api.post(path, admin, json={"effective_on": str(today)})
        assert response.status_code == HTTPStatus.CONFLICT
        assert response.json()["code"] == "not_on_leave"

    async def test_returns_after_it_starts(
        self, api: Api, admin: User, learner: User, today: date
    ) -> None:
        payload = {"starts_on": str(today), "returns_on": str(today)}
        response = await api.post(f"/users/{learner.id}/leave", admin, json=payload)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


@pytest.fixture
def account(auth_admin: InMemoryAuthAdmin, learner: User) -> None:
    assert learner.supabase_id is not None
    auth_admin.put(AuthUser(learner.supabase_id, learner.email, email_confirmed=True))


class TestTermination:
    @pytest.mark.usefixtures("account")
    async def test_and_rehire(
        self,
        api: Api,
        admin: User,
        learner: User,
        required: Requirement,
        today: date,
    ) -> None:
        await act(api, admin, learner, "terminate", effective_on=str(today))
        assert (await api.get(f"/users/{learner.id}", admin)).json()["is_active"] is False
        path = f"/users/{learner.id}/compliance?as_of={today}"
        assert (await api.get(path, admin)).json()["items"] == []
        await act(api, admin, learner, "rehire", hired_on=str(today), job_title="Assistant")
        person = (await api.get(f"/users/{learner.id}", admin)).json()
        assert (person["is_active"], person["hired_on"]) == (True, str(today))
        assert person["job_title"] == "Assistant"
        assert await status(api, learner, today) == "due"

    async def test_whose_account_was_deleted_comes_back_without(
        self, api: Api, admin: User, learner: User, today: date
    ) -> None:
        await act(api, admin, learner, "terminate", effective_on=str(today))
        await act(api, admin, learner, "rehire", hired_on=str(today))
        person = (await api.get(f"/users/{learner.id}", admin)).json()
        assert (person["is_active"], person["supabase_id"]) == (True, None)

    async def test_on_a_day_to_come(
        self, api: Api, admin: User, learner: User, today: date, database: RollbackDatabase
    ) -> None:
        await act(api, admin, learner, "terminate", effective_on=str(today + 9 * DAY))
        assert (await api.get(f"/users/{learner.id}", admin)).json()["is_active"] is True
        await ReconciliationService(database, SYSTEM).run([learner.id])
        assert (await api.get(f"/users/{learner.id}", admin)).json()["is_active"] is True

    async def test_not_oneself(self, api: Api, admin: User, today: date) -> None:
        path = f"/users/{admin.id}/terminate"
        response = await api.post(path, admin, json={"effective_on": str(today)})
        assert_problem(response, 403, "own_access")

    @pytest.mark.parametrize("days", [0, 30])
    async def test_nobody_changes_their_own_role_by_a_transfer(
        self, api: Api, admin: User, today: date, days: int
    ) -> None:
        """Not by a transfer of today, and not by one of another day."""
        payload = {"effective_on": str(today + days * DAY), "role": "learner"}
        response = await api.post(f"/users/{admin.id}/transfer", admin, json=payload)
        assert_problem(response, 403, "own_access")
        same = {**payload, "role": "admin", "job_title": "Owner"}
        assert (await api.post(f"/users/{admin.id}/transfer", admin, json=same)).is_success

    async def test_not_twice(self, api: Api, admin: User, learner: User, today: date) -> None:
        await act(api, admin, learner, "terminate", effective_on=str(today))
        payload = {"effective_on": str(today)}
        response = await api.post(f"/users/{learner.id}/terminate", admin, json=payload)
        assert response.json()["code"] == "not_employed"


class TestTransfer:
    async def test_takes_effect_on_its_day(
        self,
        api: Api,
        admin: User,
        learner: User,
        office: Location,
        today: date,
    ) -> None:
        moves_on = today + 10 * DAY
        await act(
            api, admin, learner, "transfer", effective_on=str(moves_on), location_id=str(office.id)
        )
        assert await status(api, learner, moves_on - DAY) == "not_required"
        assert await status(api, learner, moves_on) == "due"
        assert (await api.get(f"/users/{learner.id}", admin)).json()["location_id"] is None

    async def test_a_later_edit_does_not_undo_what_was_announced(
        self, api: Api, admin: User, learner: User, today: date
    ) -> None:
        moves_on = str(today + 10 * DAY)
        await act(api, admin, learner, "transfer", effective_on=moves_on, job_title="Lead")
        path = f"/users/{learner.id}"
        headers = etag(await api.get(path, admin))
        change = {"department": "Hygiene"}
        assert (await api.patch(path, admin, json=change, headers=headers)).is_success
        last = (await history(api, admin, learner))[-1]
        assert (last["effective_on"], last["job_title"]) == (moves_on, "Lead")
        assert last["department"] == "Hygiene"

    async def test_today_changes_the_person(
        self, api: Api, admin: User, learner: User, today: date
    ) -> None:
        await act(api, admin, learner, "transfer", effective_on=str(today), department="Hygiene")
        assert (await api.get(f"/users/{learner.id}", admin)).json()["department"] == "Hygiene"
        assert len(await history(api, admin, learner)) == 2
