from datetime import date, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.integrations.auth_admin import AuthUser
from app.models import Location, Requirement, TrainingModule, User
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_anonymous, assert_problem
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
    async def test_managers_and_admins_only(self, api: Api, learner: User, manager: User) -> None:
        path = f"/users/{learner.id}/employment"
        assert (await api.get(path)).status_code == HTTPStatus.UNAUTHORIZED
        assert_problem(await api.get(path, learner), 403, "forbidden")
        assert_problem(await api.get(path, manager), 404, "user_not_found")

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

    async def test_managers_record_it_for_their_own(
        self, api: Api, session: AsyncSession, office: Location, today: date
    ) -> None:
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        far = await make_user(session, role=Role.MANAGER)
        person = await make_user(session, location_id=office.id)
        body = {"starts_on": str(today), "returns_on": str(today + 9 * DAY)}
        path = f"/users/{person.id}/leave"
        assert_problem(await api.post(path, far, json=body), 404, "user_not_found")
        assert_problem(await api.post(path, person, json=body), 403, "forbidden")
        recorded = (await act(api, manager, person, "leave", **body))["recorded_by_id"]
        assert recorded == str(manager.id)
        assert await status(api, person, today) == "exempt"
        await act(api, manager, person, "return", effective_on=str(today + 5 * DAY))
        assert await status(api, person, today + 5 * DAY) == "due"

    @pytest.mark.parametrize("days", [-1, 7])
    async def test_managers_read_what_they_recorded(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        admin: User,
        session: AsyncSession,
        office: Location,
        today: date,
        days: int,
    ) -> None:
        """Where the answer's Location leads; the notes of others are not theirs to read.

        What is announced for later is recorded again by whoever records what comes before it.
        """
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        person = await make_user(session, location_id=office.id, hired_on=today - 99 * DAY)
        moved = {"effective_on": str(today + days * DAY), "job_title": "Lead"}
        moved["note"] = "Confidential"
        await api.post(f"/users/{person.id}/transfer", admin, json=moved)
        body = {"starts_on": str(today), "note": "Back in spring"}
        left = await api.post(f"/users/{person.id}/leave", manager, json=body)
        path = left.headers["Location"].removeprefix("/api/v1")
        read = (await api.get(path, manager)).json()["items"]
        assert left.json() in read
        assert {row["note"] for row in read} == {"Back in spring", None}
        assert "Confidential" in {row["note"] for row in await history(api, admin, person)}
        far = await make_user(session, role=Role.MANAGER)
        assert_problem(await api.get(path, far), 404, "user_not_found")
        assert_problem(await api.get(path, person), 403, "forbidden")

    async def test_of_long_ago_is_for_admins(
        self, api: Api, admin: User, session: AsyncSession, office: Location, today: date
    ) -> None:
        """A manager alone could excuse afterwards what was missed."""
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        person = await make_user(session, location_id=office.id, hired_on=today - 99 * DAY)
        last = today - 14 * DAY
        path = f"/users/{person.id}"
        for what, name in (("leave", "starts_on"), ("return", "effective_on")):
            # The office may have another day than whoever `today` is of.
            early = {name: str(last - 2 * DAY)}
            refused = await api.post(f"{path}/{what}", manager, json=early)
            assert_problem(refused, 403, "too_long_ago")
        await act(api, admin, person, "leave", starts_on=str(last - DAY))
        await act(api, manager, person, "return", effective_on=str(last))
        await act(api, manager, person, "leave", starts_on=str(last))

    async def test_nobody_records_their_own(
        self, api: Api, admin: User, session: AsyncSession, today: date
    ) -> None:
        """It exempts from everything, as an exemption does."""
        manager = await make_user(session, role=Role.MANAGER)
        for user in (manager, admin):
            path = f"/users/{user.id}/leave"
            refused = await api.post(path, user, json={"starts_on": str(today)})
            assert_problem(refused, 403, "own_leave")

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


class TestVoidTermination:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        path = f"/users/{learner.id}/employment/{learner.id}/void"
        assert_anonymous(await api.post(path, json={"reason": "A mistake"}))

    async def test_others_may_not(
        self, api: Api, admin: User, learner: User, manager: User, today: date
    ) -> None:
        ended = await act(api, admin, learner, "terminate", effective_on=str(today))
        path = f"/users/{learner.id}/employment/{ended['id']}/void"
        refused = await api.post(path, manager, json={"reason": "A mistake"})
        assert_problem(refused, 403, "forbidden")
        another = f"/users/{manager.id}/employment/{ended['id']}/void"
        unknown = await api.post(another, admin, json={"reason": "A mistake"})
        assert_problem(unknown, 404, "employment_change_not_found")

    async def test_is_as_if_it_had_not_been(
        self, api: Api, admin: User, session: AsyncSession, office: Location, today: date
    ) -> None:
        """Announced changes too, and the first due date, which a rehire would move."""
        hired_on = today - 400 * DAY
        learner = await make_user(session, hired_on=hired_on, location_id=office.id)
        moves_on, path = today + 10 * DAY, f"/users/{learner.id}/compliance?as_of="
        await act(api, admin, learner, "transfer", effective_on=str(moves_on), job_title="Lead")
        days = (today - 5 * DAY, today, moves_on)
        before = [(await api.get(f"{path}{day}", admin)).json()["items"] for day in days]
        assert all(before[1:])
        ended = await act(
            api, admin, learner, "terminate", effective_on=str(today - 3 * DAY), note="Wrong person"
        )
        person = (await api.get(f"/users/{learner.id}", admin)).json()
        assert person["is_active"] is False
        assert (await api.get(f"{path}{today}", admin)).json()["items"] == []
        undone = await act(
            api, admin, learner, f"employment/{ended['id']}/void", reason="It was her namesake"
        )
        assert (undone["voids_id"], undone["state"]) == (ended["id"], "active")
        assert undone["note"] == "It was her namesake"
        person = (await api.get(f"/users/{learner.id}", admin)).json()
        assert (person["is_active"], person["hired_on"]) == (True, str(hired_on))
        after = [(await api.get(f"{path}{day}", admin)).json()["items"] for day in days]
        for now, then in zip(after, before, strict=True):
            assert [(line["status"], line["due_on"]) for line in now] == [
                (line["status"], line["due_on"]) for line in then
            ]
        last = max(await history(api, admin, learner), key=lambda row: row["created_at"])
        assert (last["effective_on"], last["job_title"]) == (str(moves_on), "Lead")
        assert last["state"] == "active"
        query = {"action": "user:termination_voided"}
        (event,) = (await api.get("/audit-events", admin, params=query)).json()["items"]
        assert event["target_id"] == str(learner.id)
        assert event["after"]["voids_id"] == ended["id"]

    async def test_once(self, api: Api, admin: User, learner: User, today: date) -> None:
        ended = await act(api, admin, learner, "terminate", effective_on=str(today))
        path = f"/users/{learner.id}/employment/{ended['id']}/void"
        body = {"reason": "A mistake"}
        undone = (await api.post(path, admin, json=body)).json()
        assert_problem(await api.post(path, admin, json=body), 409, "not_in_force")
        path = path.replace(ended["id"], undone["id"])
        assert_problem(await api.post(path, admin, json=body), 409, "not_a_termination")

    async def test_a_rehire_with_a_false_date_is_none(
        self, api: Api, admin: User, session: AsyncSession, today: date
    ) -> None:
        """The way round that was taken before."""
        hired_on = today - 400 * DAY
        learner = await make_user(session, hired_on=hired_on)
        ended = await act(api, admin, learner, "terminate", effective_on=str(today - 9 * DAY))
        await act(api, admin, learner, "rehire", hired_on=str(today))
        await act(api, admin, learner, f"employment/{ended['id']}/void", reason="A mistake")
        now = (await api.get(f"/users/{learner.id}", admin)).json()
        assert (now["is_active"], now["hired_on"]) == (True, str(hired_on))

    async def test_nobody_voids_their_own(
        self, api: Api, admin: User, session: AsyncSession, today: date
    ) -> None:
        leaving = await make_user(session, role=Role.ADMIN)
        day = str(today + 30 * DAY)
        ended = await act(api, admin, leaving, "terminate", effective_on=day)
        path = f"/users/{leaving.id}/employment/{ended['id']}/void"
        refused = await api.post(path, leaving, json={"reason": "I stay"})
        assert_problem(refused, 403, "own_access")

    async def test_an_address_that_somebody_else_has_by_now(
        self, api: Api, admin: User, learner: User, session: AsyncSession, today: date
    ) -> None:
        ended = await act(api, admin, learner, "terminate", effective_on=str(today))
        await make_user(session, email=learner.email)
        path = f"/users/{learner.id}/employment/{ended['id']}/void"
        refused = await api.post(path, admin, json={"reason": "A mistake"})
        assert_problem(refused, 409, "email_in_use")


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
