from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, Location, TrainingModule, User
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase

ANY = {"If-Match": "*"}


@pytest.fixture
async def here(session: AsyncSession) -> Location:
    return await make_location(session, country="US", state="US-CA")


@pytest.fixture
async def there(session: AsyncSession) -> Location:
    return await make_location(session, country="US", state="US-TX")


@pytest.fixture
async def office_manager(session: AsyncSession, here: Location) -> User:
    return await make_user(session, role=Role.MANAGER, location_id=here.id)


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    everywhere, in_california = text_section(), text_section(states=["US-CA"])
    everywhere.body = "<p>{{exposure_control_plan}}</p>"
    in_california.body = "<p>{{sharps_log}}</p>"
    module = await make_module(session, everywhere, in_california)
    await publish(database, module)
    return module


def path(location: Location) -> str:
    return f"/locations/{location.id}/site-facts"


async def said(api: Api, user: User, location: Location) -> dict[str, Any]:
    answer = (await api.get(path(location), user)).json()
    return {item["kind"]: item["value"] for item in answer["items"]}


async def missing(api: Api, user: User, **query: str) -> list[tuple[str, str]]:
    answer = await api.get("/site-facts/missing", user, params=query)
    assert answer.status_code == HTTPStatus.OK
    return [(item["location"]["name"], item["kind"]) for item in answer.json()["items"]]


class TestKinds:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/site-fact-kinds"))

    async def test_each_has_its_question(self, api: Api, learner: User) -> None:
        items = (await api.get("/site-fact-kinds", learner)).json()["items"]
        plan = {
            "kind": "exposure_control_plan",
            "question": "where the exposure control plan lies",
        }
        assert plan in items


class TestRead:
    async def test_anonymous(self, api: Api, here: Location) -> None:
        assert_anonymous(await api.get(path(here)))

    async def test_names_who_asks(
        self, api: Api, learner: User, here: Location, there: Location, module: TrainingModule
    ) -> None:
        items = (await api.get(path(here), learner)).json()["items"]
        asked = {item["kind"]: [each["id"] for each in item["asked_by"]] for item in items}
        assert asked["exposure_control_plan"] == asked["sharps_log"] == [str(module.id)]
        items = (await api.get(path(there), learner)).json()["items"]
        asked = {item["kind"]: item["asked_by"] for item in items}
        assert asked["exposure_control_plan"]
        assert not asked["sharps_log"]


class TestUpdate:
    async def test_anonymous(self, api: Api, here: Location) -> None:
        assert_anonymous(await api.patch(path(here), json={}))

    async def test_kept_audited_and_taken_back(
        self, api: Api, office_manager: User, here: Location, session: AsyncSession
    ) -> None:
        body: dict[str, Any] = {"facts": {"exposure_control_plan": "Red binder", "eyewash": "Lab"}}
        read = await api.get(path(here), office_manager)
        precondition = {"If-Match": read.headers["ETag"]}
        answer = await api.patch(path(here), office_manager, json=body, headers=precondition)
        assert answer.status_code == HTTPStatus.OK
        assert answer.headers["ETag"] != read.headers["ETag"]
        stale = await api.patch(path(here), office_manager, json=body, headers=precondition)
        assert_problem(stale, 412, "precondition_failed")
        body = {"facts": {"eyewash": None}}
        await api.patch(path(here), office_manager, json=body, headers=ANY)
        facts = await said(api, office_manager, here)
        assert (facts["exposure_control_plan"], facts["eyewash"]) == ("Red binder", None)
        events = await session.execute(
            select(AuditEvent.before, AuditEvent.after)
            .where(AuditEvent.action == "location:site_facts_changed")
            .order_by(AuditEvent.created_at)
        )
        first, second = events.all()
        assert first == (
            {"exposure_control_plan": None, "eyewash": None},
            {"exposure_control_plan": "Red binder", "eyewash": "Lab"},
        )
        assert second == ({"eyewash": "Lab"}, {"eyewash": None})

    async def test_managers_keep_their_own_offices_alone(
        self, api: Api, office_manager: User, admin: User, there: Location
    ) -> None:
        body = {"facts": {"eyewash": "Lab"}}
        refused = await api.patch(path(there), office_manager, json=body, headers=ANY)
        assert_problem(refused, 403, "not_your_office")
        answer = await api.patch(path(there), admin, json=body, headers=ANY)
        assert answer.status_code == HTTPStatus.OK

    @pytest.mark.parametrize(
        "facts", [None, {"eyewsh": "Lab"}, {"eyewash": ""}, {"eyewash": "a\nb"}, {"eyewash": 1}]
    )
    async def test_refused(
        self, api: Api, admin: User, here: Location, facts: dict[str, Any] | None
    ) -> None:
        answer = await api.patch(path(here), admin, json={"facts": facts}, headers=ANY)
        assert answer.status_code == HTTPStatus.UNPROCESSABLE_ENTITY


class TestMissing:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/site-facts/missing"))

    async def test_to_authors_of_all(
        self, api: Api, author: User, here: Location, there: Location, module: TrainingModule
    ) -> None:
        of_here = [(here.name, "exposure_control_plan"), (here.name, "sharps_log")]
        of_there = [(there.name, "exposure_control_plan")]
        assert sorted(await missing(api, author)) == sorted(of_here + of_there)
        assert await missing(api, author, location_id=str(there.id)) == of_there
        both = {"module_id": str(module.id), "location_id": str(here.id)}
        assert await missing(api, author, **both) == of_here
        assert await missing(api, author, module_id=str(here.id)) == []

    @pytest.mark.usefixtures("module")
    async def test_to_managers_of_their_own(
        self, api: Api, office_manager: User, here: Location, there: Location
    ) -> None:
        of_here = [(here.name, "exposure_control_plan"), (here.name, "sharps_log")]
        assert await missing(api, office_manager) == of_here
        assert await missing(api, office_manager, location_id=str(there.id)) == []
        body = {"facts": {"exposure_control_plan": "Red binder", "sharps_log": "Safe"}}
        await api.patch(path(here), office_manager, json=body, headers=ANY)
        assert await missing(api, office_manager) == []
