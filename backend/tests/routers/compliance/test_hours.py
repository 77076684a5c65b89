"""Time and hours are real, and a trainer was there: what does not meet a rule, and the reason."""

import uuid
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import TrainingModule, TrainingRecord, User
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish, text_section
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.planting import as_owner
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase

CE = {
    "provider_name": "Approved Provider",
    "provider_number": "RP-1234",
    "hours": 2,
    "category": "infection_control_ca",
    "delivery": "self_study",
}
LONG_TEXT = f"<p>{'Never recap needles by hand. ' * 110}</p>"
"""550 words: 110 seconds for a fast reader."""


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    """A module of 55 minutes in five sections that may be clicked through."""
    sections = [text_section() for _ in range(5)]
    module = await make_module(session, *sections, estimated_minutes=55)
    await publish(database, module)
    return module


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    enrolled = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    return str(enrolled.json()["id"])


async def study(
    api: Api,
    user: User,
    module: TrainingModule,
    enrollment_id: str,
    spent: AsyncSession | None = None,
) -> dict[str, Any]:
    """Claim eleven minutes for each text, which pass where a session is given."""
    for section in module.sections:
        if section.kind == "text":
            if spent:
                await let_pass(spent, enrollment_id)
            report = {"seconds_spent": 660, "completed": True}
            path = f"/enrollments/{enrollment_id}/sections/{section.id}/progress"
            response = await api.put(path, user, json=report)
    return dict(response.json()["enrollment"])


async def let_pass(session: AsyncSession, enrollment_id: str, seconds: int = 660) -> None:
    """Let time pass since the enrollment and since the last report."""
    ago = f"- interval '{seconds} s'"
    enrolled = f"UPDATE enrollments SET enrolled_at = enrolled_at {ago}"  # noqa: S608  # our own text
    await as_owner(session, f"{enrolled} WHERE id = '{uuid.UUID(enrollment_id)}'")
    await as_owner(session, f"UPDATE study_clocks SET reported_at = reported_at {ago}")  # noqa: S608  # our own text
    await session.commit()


async def teach(api: Api, author: User, module: TrainingModule) -> None:
    path = f"/modules/{module.id}/teaching"
    response = await api.put(path, author, json={"ce": CE}, headers={"If-Match": "*"})
    assert response.status_code == HTTPStatus.OK, response.text


async def line(api: Api, user: User) -> dict[str, Any]:
    [found] = (await api.get(f"/users/{user.id}/compliance", user)).json()["items"]
    return dict(found)


async def credit(api: Api, user: User, admin: User, module: TrainingModule, **fields: Any) -> None:
    training = {
        "provider": "Safety Institute",
        "title": "Bloodborne pathogens",
        "completed_on": "2026-02-03",
        "hours": 0.25,
        "module_id": str(module.id),
    }
    entered = await api.post("/external-trainings", user, json={**training, **fields})
    verify = f"/external-trainings/{entered.json()['id']}/verify"
    verified = await api.post(verify, admin, json={"reason": "Certificate seen"})
    assert verified.status_code == HTTPStatus.OK, verified.text


class TestOnline:
    async def test_five_calls_are_no_hour(
        self, api: Api, database: RollbackDatabase, learner: User, module: TrainingModule
    ) -> None:
        await make_requirement(database, module.id, minimum_minutes=45)
        done = await study(api, learner, module, await enroll(api, learner, module))
        assert done["status"] == "completed"
        found = await line(api, learner)
        assert found["status"] != "compliant"
        assert found["met_by"] is None
        [short] = found["why"]["fallen_short"]
        assert (short["lacks"], short["evidence"]["minutes"]) == ("too_short", 0)
        assert "took 0 of the 45 minutes asked for" in found["why"]["summary"]

    async def test_time_spent_is_enough(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learner: User,
        module: TrainingModule,
    ) -> None:
        await make_requirement(database, module.id, minimum_minutes=45)
        enrollment_id = await enroll(api, learner, module)
        await study(api, learner, module, enrollment_id, session)
        found = await line(api, learner)
        assert (found["status"], found["met_by"]["minutes"]) == ("compliant", 55)
        assert found["why"]["fallen_short"] == []

    async def test_a_long_text_takes_its_time(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
    ) -> None:
        section = text_section()
        section.body = LONG_TEXT
        module = await make_module(session, section)
        await publish(database, module)
        enrollment_id = await enroll(api, learner, module)
        content = (await api.get(f"/enrollments/{enrollment_id}/content", learner)).json()
        assert content["sections"][0]["minimum_seconds"] == 110
        assert (await study(api, learner, module, enrollment_id))["status"] == "active"
        assert (await study(api, learner, module, enrollment_id, session))["status"] == "completed"


class TestPresence:
    """Study time counts where the person gave a sign of work a quarter of an hour before."""

    async def spent(
        self, api: Api, user: User, module: TrainingModule, enrollment_id: str, seconds: int
    ) -> int:
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        response = await api.put(path, user, json={"seconds_spent": seconds})
        return int(response.json()["section"]["seconds_spent"])

    async def test_a_week_without_a_sign_is_no_study(
        self, api: Api, session: AsyncSession, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        await let_pass(session, enrollment_id, 7 * 24 * 3600)
        assert await self.spent(api, learner, module, enrollment_id, 7200) == 0
        await let_pass(session, enrollment_id, 60)
        assert 60 <= await self.spent(api, learner, module, enrollment_id, 7200) < 70

    async def test_opening_a_section_starts_the_clock(
        self, api: Api, session: AsyncSession, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        await let_pass(session, enrollment_id, 24 * 3600)
        assert await self.spent(api, learner, module, enrollment_id, 0) == 0
        await let_pass(session, enrollment_id, 890)
        assert await self.spent(api, learner, module, enrollment_id, 880) == 880
        await let_pass(session, enrollment_id, 901)
        assert await self.spent(api, learner, module, enrollment_id, 1781) == 880

    async def test_an_old_report_that_comes_late_takes_no_time(
        self, api: Api, session: AsyncSession, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        await let_pass(session, enrollment_id, 300)
        assert await self.spent(api, learner, module, enrollment_id, 200) == 200
        await let_pass(session, enrollment_id, 300)
        assert await self.spent(api, learner, module, enrollment_id, 100) == 200
        assert await self.spent(api, learner, module, enrollment_id, 500) == 500


class TestCredit:
    async def test_no_more_than_was_spent(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        author: User,
        learner: User,
        other_learner: User,
        module: TrainingModule,
    ) -> None:
        await teach(api, author, module)
        await study(api, learner, module, await enroll(api, learner, module))
        slower = await enroll(api, other_learner, module)
        await study(api, other_learner, module, slower, session)
        records = await session.scalars(select(TrainingRecord.payload))
        found = [orjson.loads(record) for record in records]
        hours = {record["user_id"]: record["ce_hours"] for record in found}
        assert hours == {str(learner.id): 0, str(other_learner.id): 0.91}
        assert {record["ce"]["hours_offered"] for record in found} == {2}
        path, cycle = "ce-credits", {"profile": "california_rdh", "cycle_end": "2027-06-30"}
        summary = (await api.get(f"/users/{learner.id}/{path}", learner, params=cycle)).json()
        assert (summary["credits"], summary["earned"]) == ([], 0)

    async def test_hours_need_a_floor_to_be_published(
        self, api: Api, session: AsyncSession, author: User
    ) -> None:
        section = text_section()
        module = await make_module(session, section)
        await teach(api, author, module)
        publishing = f"/modules/{module.id}/publish"
        refused = assert_problem(
            await api.post(publishing, author, json={}), 422, "module_not_publishable"
        )
        assert [each["code"] for each in refused["errors"]] == ["hours_without_floor"]
        await api.patch(
            f"/modules/{module.id}/sections/{section.id}",
            author,
            json={"settings": {"minimum_seconds": 7200}},
            headers={"If-Match": "*"},
        )
        published = await api.post(publishing, author, json={})
        assert published.status_code == HTTPStatus.CREATED, published.text

    async def test_so_do_hours_that_a_rule_asks_for(
        self, api: Api, database: RollbackDatabase, author: User, module: TrainingModule
    ) -> None:
        await make_requirement(database, module.id, minimum_minutes=45)
        for section in module.sections[:1]:
            await api.patch(
                f"/modules/{module.id}/sections/{section.id}",
                author,
                json={"title": "Anew"},
                headers={"If-Match": "*"},
            )
        refused = await api.post(f"/modules/{module.id}/publish", author, json={})
        assert_problem(refused, 422, "module_not_publishable")


class TestElsewhere:
    async def test_a_quarter_of_an_hour_is_not_two_hours(
        self,
        api: Api,
        database: RollbackDatabase,
        learner: User,
        admin: User,
        module: TrainingModule,
    ) -> None:
        await make_requirement(database, module.id, minimum_minutes=120)
        await credit(api, learner, admin, module)
        found = await line(api, learner)
        assert found["met_by"] is None
        assert "took 15 of the 120 minutes asked for" in found["why"]["summary"]
        await credit(api, learner, admin, module, hours=2, completed_on="2026-02-04")
        found = await line(api, learner)
        assert (found["met_by"]["day"], found["met_by"]["minutes"]) == ("2026-02-04", 120)
        assert found["why"]["fallen_short"] == []


class TestTrainer:
    @pytest.fixture
    async def taught(self, session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
        module = await make_module(session, text_section(), live_section(required=False))
        await publish(database, module)
        await make_requirement(database, module.id, trainer_required=True)
        return module

    async def test_a_contact_on_file_is_none(
        self, api: Api, session: AsyncSession, author: User, admin: User, taught: TrainingModule
    ) -> None:
        contact = {"contact": {"name": "Ivy Instructor", "qualification": "RN"}}
        path = f"/modules/{taught.id}/teaching"
        await api.put(path, author, json=contact, headers={"If-Match": "*"})
        learner = await make_user(session)
        await study(api, learner, taught, await enroll(api, learner, taught))
        found = await line(api, learner)
        assert found["met_by"] is None
        assert [each["lacks"] for each in found["why"]["fallen_short"]] == ["no_trainer"]
        enrollments = (await api.get("/enrollments", learner)).json()["items"]
        assert [each["status"] for each in enrollments] == ["completed"]

        live = await make_live_session(session, taught, admin, learner)
        await api.put(
            f"/live-sessions/{live.id}/attendance", admin, json={"attended": [str(learner.id)]}
        )
        closed = await api.post(f"/live-sessions/{live.id}/close", admin)
        assert closed.json()["not_enrolled"] == []
        found = await line(api, learner)
        assert (found["status"], found["met_by"]["has_trainer"]) == ("compliant", True)
        assert found["why"]["fallen_short"] == []

    async def test_elsewhere_the_instructor_has_a_name_and_a_qualification(
        self, api: Api, learner: User, admin: User, taught: TrainingModule
    ) -> None:
        await credit(api, learner, admin, taught)
        assert (await line(api, learner))["met_by"] is None
        trainer = {"instructor_name": "Ivy Instructor", "instructor_qualification": "RN"}
        await credit(api, learner, admin, taught, completed_on="2026-02-04", **trainer)
        assert (await line(api, learner))["met_by"]["day"] == "2026-02-04"
