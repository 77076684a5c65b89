"""What a bulk assignment says of what it did, and taking it back."""

import uuid
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import TrainingModule, User
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase


class Team:
    def __init__(self, api: Api, module: TrainingModule, boss: User, people: list[User]) -> None:
        self.api, self.module, self.boss, self.people = api, module, boss, people

    async def assign(self, *users: User, due_on: str | None = None) -> dict[str, Any]:
        people = [str(user.id) for user in users or self.people]
        body = {"module_id": str(self.module.id), "user_ids": people, "due_on": due_on}
        response = await self.api.post("/enrollments/bulk", self.boss, json=body)
        assert response.is_success, response.text
        return dict(response.json())

    async def revert(self, assigned: dict[str, Any]) -> dict[str, int]:
        path = f"/assignments/{assigned['assignment_id']}/revert"
        response = await self.api.post(path, self.boss)
        assert response.is_success, response.text
        return dict(response.json())

    async def enrollment(self, user: User) -> tuple[str, str, str | None]:
        [item, *_] = (await self.api.get("/enrollments", user)).json()["items"]
        return item["status"], item["source"], item["due_on"]

    async def begin(self, user: User) -> None:
        [item] = (await self.api.get("/enrollments", user)).json()["items"]
        section = f"/enrollments/{item['id']}/sections/{self.module.sections[0].id}"
        report = {"seconds_spent": 1, "position": 0, "completed": False}
        await self.api.put(f"{section}/progress", user, json=report)

    async def complete(self, user: User) -> None:
        [item] = (await self.api.get("/enrollments", user)).json()["items"]
        for section in self.module.sections:
            path = f"/enrollments/{item['id']}/sections/{section.id}/progress"
            report = {"seconds_spent": 600, "position": 1, "completed": True}
            await self.api.put(path, user, json=report)


@pytest.fixture
async def team(api: Api, session: AsyncSession, database: RollbackDatabase) -> Team:
    office = await make_location(session)
    module = await make_module(session)
    await publish(database, module)
    boss = await make_user(session, role=Role.MANAGER, manager_id=None)
    people = [await make_user(session, location_id=office.id, manager_id=boss.id) for _ in "abc"]
    return Team(api, module, boss, people)


async def test_anonymous(api: Api) -> None:
    assert_anonymous(await api.post(f"/assignments/{uuid.uuid4()}/revert"))


async def test_only_ones_own(api: Api, team: Team, learner: User, manager: User) -> None:
    assigned = await team.assign()
    path = f"/assignments/{assigned['assignment_id']}/revert"
    assert_problem(await api.post(path, learner), 403, "forbidden")
    assert_problem(await api.post(path, manager), 404, "assignment_not_found")
    unknown = f"/assignments/{uuid.uuid4()}/revert"
    assert_problem(await api.post(unknown, team.boss), 404, "assignment_not_found")


async def test_who_was_refused_and_why(
    team: Team, session: AsyncSession, other_learner: User
) -> None:
    closed = await make_user(session, manager_id=team.boss.id, is_active=False)
    found = await team.assign(team.people[0], closed, other_learner, team.boss)
    assert (found["created"], found["not_allowed"]) == (1, 3)
    assert {each["user_id"]: each["reason"] for each in found["refused"]} == {
        str(closed.id): "inactive",
        str(other_learner.id): "not_found",
        str(team.boss.id): "not_managed",
    }


async def test_says_what_it_changed(team: Team) -> None:
    ada, bob, _ = team.people
    first = await team.assign(ada, bob, due_on="2031-03-01")
    assert (first["created"], first["changed"], first["changes"]) == (2, 0, [])
    same = await team.assign(ada, bob, due_on="2031-03-01")
    assert (same["assignment_id"], same["changed"]) == (None, 0)
    second = await team.assign(due_on="2031-02-01")
    assert (second["created"], second["already_enrolled"], second["changed"]) == (1, 2, 2)
    changed = {each["user"]["display_name"]: each for each in second["changes"]}
    assert changed.keys() == {ada.full_name, bob.full_name}
    for change in changed.values():
        assert (change["due_on_before"], change["due_on"]) == ("2031-03-01", "2031-02-01")


async def test_reverted(team: Team) -> None:
    ada, bob, cora = team.people
    await team.assign(ada, due_on="2031-03-01")
    second = await team.assign(due_on="2031-02-01")
    await team.begin(bob)
    assert await team.revert(second) == {"withdrawn": 1, "kept": 1, "restored": 1}
    assert await team.enrollment(ada) == ("active", "assigned", "2031-03-01")
    assert await team.enrollment(bob) == ("active", "self", None)
    assert (await team.enrollment(cora))[0] == "withdrawn"
    assert await team.revert(second) == {"withdrawn": 0, "kept": 0, "restored": 0}


async def test_what_was_changed_since_stays(team: Team) -> None:
    first = await team.assign(due_on="2031-03-01")
    await team.assign(team.people[0], due_on="2031-01-01")
    assert await team.revert(first) == {"withdrawn": 2, "kept": 0, "restored": 0}
    assert await team.enrollment(team.people[0]) == ("active", "assigned", "2031-01-01")


async def test_what_a_requirement_asks_for_comes_back(
    team: Team, database: RollbackDatabase
) -> None:
    ada = team.people[0]
    assigned = await team.assign(ada, due_on="2025-01-01")
    await make_requirement(database, team.module.id)
    assert (await team.revert(assigned))["withdrawn"] == 1
    status, source, _ = await team.enrollment(ada)
    assert (status, source) == ("active", "rule")


async def test_each_step_is_in_the_audit_trail(api: Api, team: Team, admin: User) -> None:
    assigned = await team.assign()
    await team.revert(assigned)
    trail = await api.get(f"/audit-events?target_id={assigned['assignment_id']}", admin)
    events = trail.json()["items"]
    assert [event["action"] for event in events] == ["assignment:reverted", "assignment:created"]
    assert events[1]["after"]["created"] == len(team.people)
    withdrawn = await api.get("/audit-events?action=enrollment:withdrawn", admin)
    assert len(withdrawn.json()["items"]) == len(team.people)


async def test_nobody_frees_themselves(api: Api, team: Team, admin: User) -> None:
    body = {"module_id": str(team.module.id), "user_ids": [str(admin.id)]}
    assigned = (await api.post("/enrollments/bulk", admin, json=body)).json()
    reverted = await api.post(f"/assignments/{assigned['assignment_id']}/revert", admin)
    assert reverted.json() == {"withdrawn": 0, "kept": 0, "restored": 0}
    assert await team.enrollment(admin) == ("active", "assigned", None)


class TestReport:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/reports/assignments"))
        assert_anonymous(await api.get("/reports/assignments/people"))

    async def test_counts_a_module_once_whatever_its_versions_are_called(
        self, api: Api, team: Team, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        await team.assign(team.people[0])
        await session.refresh(team.module, ["revision"])
        team.module.title = "Another title"
        await session.commit()
        await publish(database, team.module)
        await team.assign(team.people[1])
        [counts] = (await api.get("/reports/assignments", team.boss)).json()["items"]
        assert (counts["module"]["title"], counts["open"]) == ("Another title", 2)

    async def test_says_who_was_assigned_what_by_whom_and_how_far_they_are(
        self, api: Api, team: Team, admin: User
    ) -> None:
        late, soon, done = team.people
        await team.assign(late, due_on="2026-01-31")
        await team.assign(soon, done, due_on="2100-01-31")
        await team.complete(done)
        [counts] = (await api.get("/reports/assignments", team.boss)).json()["items"]
        module = counts.pop("module")
        assert module["id"] == str(team.module.id)
        assert counts == {"done": 1, "open": 1, "overdue": 1}
        lines = (await api.get("/reports/assignments/people", admin)).json()["items"]
        found = {line["user"]["id"]: (line["status"], line["due_on"]) for line in lines}
        assert found == {
            str(late.id): ("overdue", "2026-01-31"),
            str(soon.id): ("open", "2100-01-31"),
            str(done.id): ("done", "2100-01-31"),
        }
        assert {line["assigned_by"]["id"] for line in lines} == {str(team.boss.id)}

    async def test_only_of_the_people_one_sees(
        self, api: Api, team: Team, session: AsyncSession
    ) -> None:
        await team.assign()
        stranger = await make_user(session, role=Role.MANAGER)
        for path in ("/reports/assignments", "/reports/assignments/people"):
            assert (await api.get(path, stranger)).json()["items"] == []

    async def test_leaves_out_what_was_chosen_and_what_was_withdrawn(
        self, api: Api, team: Team, learner: User
    ) -> None:
        await api.post("/enrollments", learner, json={"module_id": str(team.module.id)})
        await team.revert(await team.assign())
        assert (await api.get("/reports/assignments", team.boss)).json()["items"] == []

    @pytest.mark.parametrize(
        ("query", "people"), [("status=open", 2), ("status=overdue", 1), ("status=done", 0)]
    )
    async def test_by_status(self, api: Api, team: Team, query: str, people: int) -> None:
        await team.assign(team.people[0], due_on="2026-01-31")
        await team.assign(*team.people[1:])
        path = f"/reports/assignments/people?{query}&include_total=true"
        assert (await api.get(path, team.boss)).json()["total"] == people

    async def test_by_whom_and_where(self, api: Api, team: Team, admin: User) -> None:
        await team.assign()
        office = team.people[0].location_id
        for name, ids in {
            "assigned_by": (team.boss.id, admin.id),
            "location_id": (office, uuid.uuid4()),
            "module_id": (team.module.id, uuid.uuid4()),
        }.items():
            for each, modules in zip(ids, (1, 0), strict=True):
                query = {name: str(each)}
                found = await api.get("/reports/assignments", admin, params=query)
                assert len(found.json()["items"]) == modules, name
