"""What managers and admins do with enrollments, and how enrollments end."""

import uuid
from http import HTTPStatus

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import TrainingModule, User
from tests.factories.module import acknowledgement_section, make_module, publish, text_section
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase, etag

ANY = {"If-Match": "*"}
FIELDS = {
    "id",
    "etag",
    "user_id",
    "user",
    "module",
    "version",
    "status",
    "source",
    "progress_percent",
    "due_on",
    "enrolled_at",
    "completed_at",
    "superseded_by",
}
SECTION = {
    "section_id",
    "title",
    "kind",
    "required",
    "state",
    "seconds_spent",
    "position",
    "completed_at",
    "attempts_left",
    "available_at",
}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, text_section(), acknowledgement_section())
    await publish(database, module)
    return module


@pytest.fixture
async def colleague(session: AsyncSession, manager: User) -> User:
    return await make_user(session, manager_id=manager.id)


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    return str(response.json()["id"])


def counts(response: httpx.Response) -> tuple[int, int, int]:
    body = response.json()
    return body["created"], body["already_enrolled"], body["not_allowed"]


class TestEnrollMany:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post("/enrollments/bulk", json={}))

    async def test_learners_and_authors_may_not(
        self, api: Api, learner: User, author: User, module: TrainingModule
    ) -> None:
        body = {"module_id": str(module.id), "user_ids": [str(learner.id)]}
        for user in (learner, author):
            assert_problem(await api.post("/enrollments/bulk", user, json=body), 403, "forbidden")

    async def test_managers_reach_their_own_people_alone(
        self, api: Api, manager: User, colleague: User, learner: User, module: TrainingModule
    ) -> None:
        body = {
            "module_id": str(module.id),
            "user_ids": [str(colleague.id), str(learner.id), str(uuid.uuid4())],
            "due_on": "2027-03-31",
        }
        first = await api.post("/enrollments/bulk", manager, json=body)
        assert counts(first) == (1, 0, 2)
        again = await api.post("/enrollments/bulk", manager, json=body)
        assert counts(again) == (0, 1, 2)
        (mine,) = (await api.get("/enrollments", colleague)).json()["items"]
        assert (mine["source"], mine["due_on"]) == ("assigned", "2027-03-31")
        assert (await api.get("/enrollments", learner)).json()["items"] == []

    async def test_by_filter(
        self, api: Api, admin: User, session: AsyncSession, module: TrainingModule
    ) -> None:
        office = await make_location(session)
        for title in ("Hygienist", "hygienist", "Dentist"):
            await make_user(session, location_id=office.id, job_title=title)
        await make_user(session, location_id=office.id, job_title="Hygienist", is_active=False)
        await list_words(session, job_titles=["Hygienist"])
        people = {"location": office.name, "job_title": "HYGIENIST"}
        body = {"module_id": str(module.id), "filter": people}
        response = await api.post("/enrollments/bulk", admin, json=body)
        assert counts(response) == (2, 0, 0)

    async def test_nonsense(self, api: Api, admin: User, module: TrainingModule) -> None:
        base = {"module_id": str(module.id)}
        for body, pointer in (
            (base, "/user_ids"),
            (base | {"user_ids": [], "filter": {}}, "/user_ids"),
            (base | {"filter": {"role": "owner"}}, "/filter/role"),
            (base | {"filter": {"location": "\u0000"}}, "/filter/location"),
            (base | {"filter": {}, "due_on": 20270331}, "/due_on"),
            (base | {"user_ids": ["x"]}, "/user_ids/0"),
        ):
            response = await api.post("/enrollments/bulk", admin, json=body)
            assert [found for found, _ in pointers(response)] == [pointer]

    async def test_unpublished(self, api: Api, admin: User, session: AsyncSession) -> None:
        draft = await make_module(session)
        body = {"module_id": str(draft.id), "user_ids": []}
        assert_problem(
            await api.post("/enrollments/bulk", admin, json=body), 404, "module_not_found"
        )

    @pytest.mark.parametrize("role", [Role.MANAGER, Role.COMPLIANCE_OFFICER])
    async def test_nobody_puts_off_their_own_date(
        self, api: Api, session: AsyncSession, admin: User, module: TrainingModule, role: Role
    ) -> None:
        office = await make_location(session)
        manager = await make_user(session, role=role, location_id=office.id)
        body = {"module_id": str(module.id), "user_ids": [str(manager.id)]}
        await api.post("/enrollments/bulk", admin, json={**body, "due_on": "2031-03-01"})
        for later in ("2031-04-01", "2031-03-01", "2031-02-01"):
            await api.post("/enrollments/bulk", manager, json={**body, "due_on": later})
        events = await api.get("/audit-events", admin, params={"action": "enrollment:assigned"})
        dates = [event["after"]["due_on"] for event in events.json()["items"]]
        assert dates == ["2031-02-01"]
        (mine,) = (await api.get("/enrollments", manager)).json()["items"]
        assert mine["due_on"] == "2031-02-01"


class TestListEnrollments:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/enrollments"))

    async def test_others_are_hidden(
        self, api: Api, learner: User, other_learner: User, module: TrainingModule
    ) -> None:
        await enroll(api, learner, module)
        assert (await api.get("/enrollments", other_learner)).json()["items"] == []
        response = await api.get(f"/enrollments?user_id={learner.id}", other_learner)
        assert_problem(response, 404, "user_not_found")

    async def test_exact_fields(self, api: Api, learner: User, module: TrainingModule) -> None:
        await enroll(api, learner, module)
        body = (await api.get("/enrollments", learner)).json()
        assert body.keys() == {"items", "next_cursor"}
        (item,) = body["items"]
        assert item.keys() == FIELDS
        assert item["module"] == {
            "id": str(module.id),
            "title": module.title,
            "category": module.category,
        }
        assert (item["version"], item["status"], item["source"]) == (1, "active", "self")
        assert item["enrolled_at"].endswith("Z")

    async def test_managers_and_admins_see_somebody(
        self, api: Api, manager: User, admin: User, colleague: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, colleague, module)
        for user in (manager, admin):
            response = await api.get(f"/enrollments?user_id={colleague.id}", user)
            assert [item["id"] for item in response.json()["items"]] == [enrollment_id]

    async def test_filters(
        self, api: Api, admin: User, learner: User, module: TrainingModule
    ) -> None:
        body = {
            "module_id": str(module.id),
            "user_ids": [str(learner.id)],
            "due_on": "2020-01-01",
        }
        await api.post("/enrollments/bulk", admin, json=body)
        for query, count in (
            ("status=active", 1),
            ("status=completed", 0),
            (f"module_id={module.id}", 1),
            (f"module_id={uuid.uuid4()}", 0),
            ("overdue=true", 1),
            ("overdue=false", 0),
        ):
            items = (await api.get(f"/enrollments?{query}", learner)).json()["items"]
            assert len(items) == count, query


class TestReadEnrollment:
    async def test_anonymous(self, api: Api, learner: User, module: TrainingModule) -> None:
        assert_anonymous(await api.get(f"/enrollments/{await enroll(api, learner, module)}"))

    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, manager: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, learner, module)}"
        for user in (other_learner, manager):
            assert_problem(await api.get(path, user), 404, "enrollment_not_found")

    async def test_exact_fields(self, api: Api, learner: User, module: TrainingModule) -> None:
        detail = (
            await api.get(f"/enrollments/{await enroll(api, learner, module)}", learner)
        ).json()
        assert detail.keys() == FIELDS | {"sections", "server_time"}
        assert [part["section_id"] for part in detail["sections"]] == [
            str(part.id) for part in module.sections
        ]
        assert detail["sections"][0].keys() == SECTION
        assert detail["sections"][0]["state"] == "not_started"


class TestUpdate:
    LATER = "2031-03-01"

    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.patch(f"/enrollments/{uuid.uuid4()}", json={}))

    async def test_of_people_whom_one_does_not_manage(
        self, api: Api, manager: User, learner: User, module: TrainingModule
    ) -> None:
        enrollment = await enroll(api, learner, module)
        response = await api.patch(
            f"/enrollments/{enrollment}", manager, json={"due_on": self.LATER}, headers=ANY
        )
        assert_problem(response, 404, "enrollment_not_found")

    async def test_sets_and_takes_away_the_date(
        self, api: Api, manager: User, colleague: User, admin: User, module: TrainingModule
    ) -> None:
        enrollment = await enroll(api, colleague, module)
        path = f"/enrollments/{enrollment}"
        dated = (await api.patch(path, manager, json={"due_on": self.LATER}, headers=ANY)).json()
        assert (dated["due_on"], dated["source"]) == (self.LATER, "assigned")
        assert (await api.get(path, colleague)).json()["due_on"] == self.LATER
        withdrawn = await api.post(f"{path}/withdraw", colleague)
        assert_problem(withdrawn, 403, "assigned")
        free = (await api.patch(path, manager, json={"due_on": None}, headers=ANY)).json()
        assert (free["due_on"], free["source"]) == (None, "assigned")
        events = await api.get("/audit-events", admin, params={"target_id": enrollment})
        changes = [
            (event["before"], event["after"])
            for event in events.json()["items"]
            if event["action"] == "enrollment:assigned"
        ]
        assert changes == [
            (
                {"source": "assigned", "due_on": self.LATER},
                {"source": "assigned", "due_on": None},
            ),
            ({"source": "self", "due_on": None}, {"source": "assigned", "due_on": self.LATER}),
        ]

    async def test_needs_what_was_read(
        self, api: Api, manager: User, colleague: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, colleague, module)}"
        read = etag(await api.get(path, manager))
        body = {"due_on": self.LATER}
        assert_problem(await api.patch(path, manager, json=body), 428, "precondition_required")
        changed = await api.patch(path, manager, json=body, headers=read)
        stale = await api.patch(path, manager, json={"due_on": None}, headers=read)
        assert_problem(stale, 412, "precondition_failed")
        assert etag(changed) == etag(await api.get(path, manager))

    async def test_nothing_sent_changes_nothing(
        self, api: Api, manager: User, colleague: User, module: TrainingModule
    ) -> None:
        enrollment = await enroll(api, colleague, module)
        response = await api.patch(f"/enrollments/{enrollment}", manager, json={}, headers=ANY)
        assert (response.json()["source"], response.json()["due_on"]) == ("self", None)

    async def test_of_ones_own(self, api: Api, manager: User, module: TrainingModule) -> None:
        enrollment = await enroll(api, manager, module)
        response = await api.patch(
            f"/enrollments/{enrollment}", manager, json={"due_on": self.LATER}, headers=ANY
        )
        assert_problem(response, 403, "own_enrollment")

    async def test_of_what_is_closed(
        self, api: Api, manager: User, colleague: User, module: TrainingModule
    ) -> None:
        enrollment = await enroll(api, colleague, module)
        await api.post(f"/enrollments/{enrollment}/withdraw", colleague)
        response = await api.patch(
            f"/enrollments/{enrollment}", manager, json={"due_on": self.LATER}, headers=ANY
        )
        assert_problem(response, 409, "enrollment_closed")

    async def test_the_date_of_a_requirement_stays(
        self,
        api: Api,
        manager: User,
        colleague: User,
        module: TrainingModule,
        database: RollbackDatabase,
    ) -> None:
        await make_requirement(database, module.id)
        listed = await api.get("/enrollments", manager, params={"user_id": str(colleague.id)})
        (enrollment,) = listed.json()["items"]
        assert enrollment["source"] == "rule"
        response = await api.patch(
            f"/enrollments/{enrollment['id']}", manager, json={"due_on": self.LATER}, headers=ANY
        )
        assert_problem(response, 409, "rule_decides")

    async def test_a_requirement_that_asks_sooner_keeps_its_date(
        self,
        api: Api,
        manager: User,
        colleague: User,
        module: TrainingModule,
        database: RollbackDatabase,
    ) -> None:
        path = f"/enrollments/{await enroll(api, colleague, module)}"
        await make_requirement(database, module.id)
        asked = (await api.get(path, manager)).json()["due_on"]
        response = await api.patch(path, manager, json={"due_on": self.LATER}, headers=ANY)
        assert asked is not None
        assert response.json()["due_on"] == asked

    @pytest.mark.parametrize("due_on", ["tomorrow", "2031-02-30", 20310301])
    async def test_nonsense(
        self, api: Api, manager: User, colleague: User, module: TrainingModule, due_on: object
    ) -> None:
        enrollment = await enroll(api, colleague, module)
        response = await api.patch(
            f"/enrollments/{enrollment}", manager, json={"due_on": due_on}, headers=ANY
        )
        assert [pointer for pointer, _ in pointers(response)] == ["/due_on"]


class TestWithdraw:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.post(f"/enrollments/{uuid.uuid4()}/withdraw"))

    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, learner, module)}/withdraw"
        assert_problem(await api.post(path, other_learner), 404, "enrollment_not_found")

    async def test_what_i_chose(self, api: Api, learner: User, module: TrainingModule) -> None:
        enrollment_id = await enroll(api, learner, module)
        response = await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        assert (response.status_code, response.json()["status"]) == (200, "withdrawn")
        progress = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        closed = await api.put(progress, learner, json={"completed": True})
        assert_problem(closed, 409, "enrollment_closed")
        assert await enroll(api, learner, module) != enrollment_id

    async def test_what_was_assigned_is_the_managers(
        self, api: Api, colleague: User, manager: User, module: TrainingModule
    ) -> None:
        body = {"module_id": str(module.id), "user_ids": [str(colleague.id)]}
        await api.post("/enrollments/bulk", manager, json=body)
        (mine,) = (await api.get("/enrollments", colleague)).json()["items"]
        path = f"/enrollments/{mine['id']}/withdraw"
        refused = await api.post(path, colleague)
        assert refused.status_code == HTTPStatus.FORBIDDEN
        assert refused.json()["code"] == "assigned"
        assert (await api.post(path, manager)).json()["status"] == "withdrawn"

    async def test_completed_ones_stay(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        short = await make_module(session)
        await publish(database, short)
        enrollment_id = await enroll(api, learner, short)
        path = f"/enrollments/{enrollment_id}/sections/{short.sections[0].id}/progress"
        await api.put(path, learner, json={"completed": True})
        response = await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
        assert_problem(response, 409, "enrollment_closed")


class TestFarManagers:
    async def test_see_nothing(
        self, api: Api, learner: User, session: AsyncSession, module: TrainingModule
    ) -> None:
        office = await make_location(session)
        far = await make_user(session, role=Role.MANAGER, location_id=office.id)
        enrollment_id = await enroll(api, learner, module)
        for path in (f"/enrollments/{enrollment_id}", f"/enrollments/{enrollment_id}/content"):
            assert_problem(await api.get(path, far), 404, "enrollment_not_found")
        response = await api.post(f"/enrollments/{enrollment_id}/withdraw", far)
        assert_problem(response, 404, "enrollment_not_found")
