"""`GET /users/me/trainings`: what is asked of me and what I chose, in one list."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import TrainingModule, User
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    text_section,
)
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase, count_statements

MINE = "/users/me/trainings"
FIELDS = {
    "requirement",
    "other_requirements",
    "module",
    "enrollment",
    "assigned_by",
    "minutes",
    "due_on",
    "due_because",
    "overdue",
    "attempts_left",
    "certificate",
}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, acknowledgement_section(), estimated_minutes=25)
    await publish(database, module)
    return module


async def mine(api: Api, user: User) -> list[dict[str, Any]]:
    response = await api.get(MINE, user)
    assert response.is_success, response.text
    return list(response.json()["items"])


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    return str(response.json()["id"])


async def test_anonymous(api: Api) -> None:
    assert_anonymous(await api.get(MINE))


async def test_others_are_hidden(
    api: Api, learner: User, other_learner: User, admin: User, module: TrainingModule
) -> None:
    await enroll(api, learner, module)
    assert await mine(api, other_learner) == []
    hidden = await api.get(f"/users/{learner.id}/trainings", other_learner)
    assert_problem(hidden, 404, "user_not_found")
    seen = await api.get(f"/users/{learner.id}/trainings", admin)
    assert seen.json() == (await api.get(MINE, learner)).json()


async def test_chosen(api: Api, learner: User, module: TrainingModule) -> None:
    enrollment_id = await enroll(api, learner, module)
    [item] = await mine(api, learner)
    assert set(item) == FIELDS
    assert (item["requirement"], item["due_on"], item["assigned_by"]) == (None, None, None)
    assert (item["minutes"], item["overdue"]) == (25, False)
    assert (item["enrollment"]["id"], item["enrollment"]["source"]) == (enrollment_id, "self")
    assert item["module"]["id"] == str(module.id)


async def test_asked_and_assigned(
    api: Api,
    session: AsyncSession,
    database: RollbackDatabase,
    admin: User,
    module: TrainingModule,
) -> None:
    office = await make_location(session, state="US-CA", country="US")
    boss = await make_user(session, role=Role.MANAGER, location_id=office.id)
    learner = await make_user(session, location_id=office.id)
    requirement = await make_requirement(
        database, module.id, title="Policy", audience={"location_ids": [str(office.id)]}
    )
    [item] = await mine(api, learner)
    asked = item["requirement"]
    assert (asked["id"], asked["title"]) == (str(requirement.id), "Policy")
    assert asked["why"].startswith(f"Applies because the location is {office.name}.")
    assert (item["due_on"], item["due_because"]) == (asked["due_on"], "requirement")
    assert item["enrollment"]["source"] == "rule"
    sooner = {"module_id": str(module.id), "user_ids": [str(learner.id)], "due_on": "2026-01-01"}
    await api.post("/enrollments/bulk", boss, json=sooner)
    [item] = await mine(api, learner)
    assert (item["due_on"], item["due_because"]) == ("2026-01-01", "assignment")
    assert item["overdue"] is True
    assert item["assigned_by"] == {"id": str(boss.id), "display_name": boss.full_name}


async def test_completed(
    api: Api, learner: User, database: RollbackDatabase, module: TrainingModule
) -> None:
    await make_requirement(database, module.id)
    [item] = await mine(api, learner)
    enrollment_id = item["enrollment"]["id"]
    signature = {"printed_name": learner.full_name, "meaning": "I will follow it."}
    section_id = module.sections[0].id
    await api.post(
        f"/enrollments/{enrollment_id}/sections/{section_id}/acknowledge", learner, json=signature
    )
    [done] = await mine(api, learner)
    [record] = (await api.get("/training-records", learner)).json()["items"]
    assert done["certificate"] == {
        "training_record_id": record["id"],
        "completed_on": record["local_date"],
        "score_percent": None,
        "valid_through": record["valid_through"],
    }
    assert (done["due_on"], done["requirement"]["status"]) == (None, "compliant")
    assert done["requirement"]["valid_through"] == record["valid_through"]


async def test_attempts_left(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> None:
    quiz = quiz_section(settings={"max_attempts": 3})
    module = await make_module(session, text_section(), quiz)
    await publish(database, module)
    enrollment_id = await enroll(api, learner, module)
    assert [item["attempts_left"] for item in await mine(api, learner)] == [3]
    path = f"/enrollments/{enrollment_id}/sections/{quiz.id}/attempts"
    attempt = (await api.post(path, learner)).json()
    await api.post(f"/attempts/{attempt['id']}/submit", learner)
    assert [item["attempts_left"] for item in await mine(api, learner)] == [2]


async def test_withdrawn_is_gone(api: Api, learner: User, module: TrainingModule) -> None:
    enrollment_id = await enroll(api, learner, module)
    await api.post(f"/enrollments/{enrollment_id}/withdraw", learner)
    assert await mine(api, learner) == []


async def test_statements_do_not_grow(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> None:
    async def count() -> int:
        with count_statements(database.engine) as statements:
            await mine(api, learner)
        return statements.count

    async def grow() -> None:
        module = await make_module(session, quiz_section())
        await publish(database, module)
        await make_requirement(database, module.id)
        chosen = await make_module(session)
        await publish(database, chosen)
        await enroll(api, learner, chosen)

    await grow()
    few = await count()
    for _ in range(6):
        await grow()
    assert await count() == few
