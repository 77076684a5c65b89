from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, User
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.routers.people.conftest import Reach
from tests.routers.people.test_employment import act, history, status
from tests.routers.problems import pointers
from tests.support import Api, RollbackDatabase

DAY = timedelta(days=1)


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


@pytest.fixture
async def today(
    session: AsyncSession, database: RollbackDatabase, module: TrainingModule, learner: User
) -> date:
    """Today, where the person works; a requirement is for temps and students alone."""
    audience = {"worker_kinds": ["temp", "student"]}
    await make_requirement(database, module.id, audience=audience)
    async with UnitOfWork(database, SYSTEM) as uow:
        return await uow.employment.today_of(learner.id)


async def change(api: Api, admin: User, user: User, **payload: Any) -> dict[str, Any]:
    path = f"/users/{user.id}"
    answer = await api.patch(path, admin, json=payload, headers={"If-Match": "*"})
    assert answer.is_success, answer.text
    return dict(answer.json())


async def kinds(api: Api, admin: User, user: User) -> list[tuple[str, str]]:
    return [(row["state"], row["worker_kind"]) for row in await history(api, admin, user)]


async def test_an_audience_may_name_it(api: Api, admin: User, learner: User, today: date) -> None:
    assert await status(api, learner, today) == "not_required"
    assert (await change(api, admin, learner, worker_kind="temp"))["worker_kind"] == "temp"
    assert await status(api, learner, today) == "due"
    [line] = (await api.get(f"/users/{learner.id}/compliance", learner)).json()["items"]
    assert line["why"]["matched"] == [{"criterion": "worker_kind", "value": "temp"}]
    assert line["why"]["summary"].startswith("Applies because the kind of worker is temp.")
    assert await kinds(api, admin, learner) == [("active", "employee"), ("active", "temp")]


async def test_a_transfer_changes_it_on_its_day(
    api: Api, admin: User, learner: User, today: date
) -> None:
    day = today + 10 * DAY
    await act(api, admin, learner, "transfer", effective_on=str(day), worker_kind="student")
    assert await status(api, learner, day - DAY) == "not_required"
    assert await status(api, learner, day) == "due"
    assert (await api.get(f"/users/{learner.id}", admin)).json()["worker_kind"] == "employee"
    await change(api, admin, learner, worker_kind="contractor")
    assert await kinds(api, admin, learner) == [
        ("active", "employee"),
        ("active", "student"),
        ("active", "contractor"),
        ("active", "student"),
    ]


async def test_an_announced_kind_takes_effect(
    api: Api, admin: User, learner: User, today: date, reach: Reach
) -> None:
    day = str(today + 10 * DAY)
    made = await act(api, admin, learner, "transfer", effective_on=day, worker_kind="temp")
    await reach(made["id"])
    assert (await api.get(f"/users/{learner.id}", admin)).json()["worker_kind"] == "temp"
    assert await kinds(api, admin, learner) == [("active", "employee"), ("active", "temp")]


async def test_a_rehire_may_change_it(api: Api, admin: User, learner: User, today: date) -> None:
    await change(api, admin, learner, worker_kind="temp")
    await act(api, admin, learner, "terminate", effective_on=str(today))
    await act(api, admin, learner, "rehire", hired_on=str(today), worker_kind="contractor")
    assert (await api.get(f"/users/{learner.id}", admin)).json()["worker_kind"] == "contractor"
    assert await kinds(api, admin, learner) == [
        ("active", "employee"),
        ("active", "temp"),
        ("terminated", "temp"),
        ("active", "contractor"),
    ]


@pytest.mark.parametrize("kind", ["owner", None, "Temp", 1])
async def test_is_one_of_a_few(api: Api, admin: User, learner: User, kind: object) -> None:
    answer = await api.patch(
        f"/users/{learner.id}", admin, json={"worker_kind": kind}, headers={"If-Match": "*"}
    )
    assert [pointer for pointer, _ in pointers(answer)] == ["/worker_kind"]


async def test_is_invited_and_listed(api: Api, admin: User, learner: User) -> None:
    body = {"email": "new@unified.example", "worker_kind": "student"}
    person = (await api.post("/users/invite", admin, json=body)).json()
    assert person["worker_kind"] == "student"
    items = (await api.get("/users?worker_kind=student", admin)).json()["items"]
    assert [item["id"] for item in items] == [person["id"]]


async def test_evidence_of_before_stays_as_it_was_sealed(
    api: Api, admin: User, learner: User, session: AsyncSession
) -> None:
    """The hash of an older employment must not change with the column that it did not have."""
    await change(api, admin, learner, worker_kind="temp")
    texts = await session.scalars(
        text(
            "SELECT content FROM evidence() AS e (kind, id, created_at, chained, content)"
            " JOIN employment_changes c USING (id) WHERE c.user_id = :user_id ORDER BY c.created_at"
        ),
        {"user_id": learner.id},
    )
    before, after = texts
    assert "worker_kind" not in before
    assert '"worker_kind": "temp"' in after
