"""Questions and answers with a trainer, attended when everything else is completed already."""

import uuid
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.evidence.audit_pack import OshaField, missing_fields
from app.models import LiveSession, TrainingModule, TrainingRecord, User
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_user
from tests.planting import as_owner
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase

TRAINERS = OshaField.TRAINERS


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, text_section(), live_section(required=False))
    await publish(database, module)
    return module


@pytest.fixture
async def trained(session: AsyncSession) -> User:
    return await make_user(session, job_title="Hygienist")


@pytest.fixture
async def enrollment_id(api: Api, trained: User, module: TrainingModule) -> str:
    """A completed enrollment, except that no class was attended."""
    return await study(api, trained, module)


@pytest.fixture
async def live(
    session: AsyncSession, module: TrainingModule, admin: User, trained: User
) -> LiveSession:
    return await make_live_session(session, module, admin, trained)


async def study(api: Api, user: User, module: TrainingModule) -> str:
    enrolled = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    enrollment_id = str(enrolled.json()["id"])
    path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
    completed = await api.put(path, user, json={"completed": True})
    assert completed.json()["enrollment"]["status"] == "completed"
    return enrollment_id


async def hold(api: Api, live: LiveSession, admin: User, *attended: User) -> dict[str, Any]:
    path, marks = f"/live-sessions/{live.id}", {"attended": [str(each.id) for each in attended]}
    await api.put(f"{path}/attendance", admin, json=marks)
    return dict((await api.post(f"{path}/close", admin)).json())


async def records(session: AsyncSession, user: User) -> list[dict[str, Any]]:
    statement = select(TrainingRecord.payload).where(TrainingRecord.user_id == user.id)
    ordered = await session.scalars(statement.order_by(TrainingRecord.sequence))
    return [orjson.loads(each) for each in ordered]


class TestClassAfterCompletion:
    async def test_anonymous(self, api: Api, live: LiveSession) -> None:
        assert_anonymous(await api.post(f"/live-sessions/{live.id}/close"))

    async def test_others_cannot_close_it(
        self, api: Api, live: LiveSession, enrollment_id: str, other_learner: User
    ) -> None:
        response = await api.post(f"/live-sessions/{live.id}/close", other_learner)
        assert_problem(response, 404, "live_session_not_found")

    async def test_both_are_on_the_record(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        live: LiveSession,
        admin: User,
        trained: User,
        enrollment_id: str,
    ) -> None:
        closed = await hold(api, live, admin, trained)
        assert closed["completed"] == [str(trained.id)]
        assert closed["credited"] == closed["not_enrolled"] == []
        online, both = await records(session, trained)
        assert TRAINERS in missing_fields(online)
        assert TRAINERS not in missing_fields(both)
        [instructor] = both["instructors"]
        assert (instructor["name"], instructor["session_id"]) == ("Ivy Instructor", str(live.id))
        assert (both["delivery_method"], both["corrects_id"]) == ("blended", online["id"])
        assert both["minutes"] == online["minutes"] + live.duration_minutes
        same = ("completed_at", "user", "quizzes", "signatures", "content_sha256", "enrollment_id")
        assert [both[name] for name in same] == [online[name] for name in same]
        detail = (await api.get(f"/enrollments/{enrollment_id}", trained)).json()
        assert [part["state"] for part in detail["sections"]] == ["completed"] * 2

    async def test_only_once(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        live: LiveSession,
        admin: User,
        trained: User,
        enrollment_id: str,
    ) -> None:
        await hold(api, live, admin, trained)
        again = await make_live_session(session, module, admin, trained)
        assert (await hold(api, again, admin, trained))["not_enrolled"] == [str(trained.id)]
        assert len(await records(session, trained)) == 2

    async def test_not_for_who_was_absent_or_left(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        admin: User,
        trained: User,
        enrollment_id: str,
    ) -> None:
        leaver = await make_user(session)
        await study(api, leaver, module)
        live = await make_live_session(session, module, admin, trained, leaver)
        leaver.is_active = False
        session.add(leaver)
        await session.commit()
        assert (await hold(api, live, admin, leaver))["completed"] == []
        for user in (trained, leaver):
            assert len(await records(session, user)) == 1

    async def test_not_for_a_training_of_long_ago(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        live: LiveSession,
        admin: User,
        trained: User,
        enrollment_id: str,
    ) -> None:
        back = "UPDATE enrollments SET completed_at = now() - interval '91 days'"
        await as_owner(session, back)
        await session.commit()
        assert (await hold(api, live, admin, trained))["not_enrolled"] == [str(trained.id)]
        assert len(await records(session, trained)) == 1

    async def test_the_open_enrollment_goes_first(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        live: LiveSession,
        admin: User,
        trained: User,
        enrollment_id: str,
    ) -> None:
        enrolled = await api.post("/enrollments", trained, json={"module_id": str(module.id)})
        assert (await hold(api, live, admin, trained))["completed"] == [str(trained.id)]
        detail = (await api.get(f"/enrollments/{enrolled.json()['id']}", trained)).json()
        assert detail["sections"][1]["state"] == "completed"
        assert len(await records(session, trained)) == 1

    async def test_the_door_decides_itself(
        self, session: AsyncSession, live: LiveSession, trained: User, enrollment_id: str
    ) -> None:
        adding = func.add_class_to_record(live.id, uuid.UUID(enrollment_id), None, None)
        assert await session.scalar(select(adding)) is None
        assert len(await records(session, trained)) == 1
