"""Modules that are another at each office: facts that the text names, and sections for states."""

import uuid
from datetime import date
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    AuditEvent,
    Enrollment,
    Location,
    ModuleSection,
    TrainingModule,
    TrainingRecord,
    User,
)
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    text_section,
)
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_problem
from tests.support import Api, RollbackDatabase

WORKING = date(2026, 1, 5)


@pytest.fixture
async def fresno(session: AsyncSession) -> Location:
    facts = {"exposure_control_plan": "Red binder <staff room>"}
    return await make_location(
        session, name="Fresno", country="US", state="US-CA", site_facts=facts
    )


@pytest.fixture
async def dallas(session: AsyncSession) -> Location:
    facts = {"exposure_control_plan": "Cabinet 3"}
    return await make_location(
        session, name="Dallas", country="US", state="US-TX", site_facts=facts
    )


@pytest.fixture
async def californian(session: AsyncSession, fresno: Location) -> User:
    return await make_user(session, location_id=fresno.id, hired_on=WORKING)


@pytest.fixture
async def texan(session: AsyncSession, dallas: Location) -> User:
    return await make_user(session, location_id=dallas.id, hired_on=WORKING)


def sections() -> dict[str, ModuleSection]:
    named = text_section(title="Plan")
    named.body = "<p>The plan: {{exposure_control_plan}}.</p>"
    return {
        "plan": named,
        "policy": acknowledgement_section(title="Policy"),
        "californian": text_section(title="Cal/OSHA", states=["US-CA"]),
        "quiz": quiz_section(title="Law of Texas", states=["US-TX"]),
    }


class Study:
    """One person's way through the module."""

    def __init__(self, api: Api, person: User, module: TrainingModule) -> None:
        self.api = api
        self.person = person
        self.module = module
        self.id = ""

    async def enroll(self) -> "Study":
        body = {"module_id": str(self.module.id)}
        self.id = (await self.api.post("/enrollments", self.person, json=body)).json()["id"]
        return self

    async def read(self) -> dict[str, Any]:
        return dict((await self.api.get(f"/enrollments/{self.id}", self.person)).json())

    async def titles(self) -> list[str]:
        return [section["title"] for section in (await self.read())["sections"]]

    async def content(self, **headers: str) -> Any:
        return await self.api.get(f"/enrollments/{self.id}/content", self.person, headers=headers)

    async def report(self, section: ModuleSection) -> Any:
        path = f"/enrollments/{self.id}/sections/{section.id}/progress"
        return await self.api.put(path, self.person, json={"completed": True})

    async def sign(self, section: ModuleSection) -> Any:
        path = f"/enrollments/{self.id}/sections/{section.id}/acknowledge"
        signed = {"printed_name": self.person.full_name, "meaning": "I have read it."}
        return await self.api.post(path, self.person, json=signed)

    async def attempt(self, section: ModuleSection, answer: str = "a") -> Any:
        path = f"/enrollments/{self.id}/sections/{section.id}/attempts"
        started = await self.api.post(path, self.person)
        if started.status_code != HTTPStatus.CREATED:
            return started
        body = {"answers": {started.json()["questions"][0]["id"]: answer}}
        attempt = started.json()["id"]
        return await self.api.post(f"/attempts/{attempt}/submit", self.person, json=body)

    async def state(self) -> tuple[str, int]:
        read = await self.read()
        return read["status"], read["progress_percent"]


class Training:
    """The module, and what happens to those who study it."""

    def __init__(self, api: Api, admin: User, session: AsyncSession) -> None:
        self.api = api
        self.admin = admin
        self.session = session
        self.parts = sections()

    async def publish(self, database: RollbackDatabase) -> None:
        self.module = await make_module(self.session, *self.parts.values())
        await publish(database, self.module)

    async def begin(self, person: User) -> Study:
        return await Study(self.api, person, self.module).enroll()

    async def transfer(self, person: User, location: Location) -> None:
        body = {"effective_on": "2026-03-02", "location_id": str(location.id)}
        moved = await self.api.post(f"/users/{person.id}/transfer", self.admin, json=body)
        assert moved.status_code == HTTPStatus.CREATED, moved.text

    async def record(self, study: Study) -> dict[str, Any]:
        statement = select(TrainingRecord.payload).where(
            TrainingRecord.enrollment_id == uuid.UUID(study.id)
        )
        payload: dict[str, Any] = orjson.loads((await self.session.scalars(statement)).one())
        return payload


@pytest.fixture
async def training(
    api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
) -> Training:
    training = Training(api, admin, session)
    await training.publish(database)
    return training


def bodies(content: Any) -> dict[str, str]:
    return {section["title"]: section["body"] for section in content.json()["sections"]}


class TestContent:
    async def test_each_office_reads_its_own(
        self, californian: User, texan: User, training: Training
    ) -> None:
        here = await (await training.begin(californian)).content()
        there = await (await training.begin(texan)).content()
        assert bodies(here)["Plan"] == "<p>The plan: Red binder &lt;staff room&gt;.</p>"
        assert bodies(there)["Plan"] == "<p>The plan: Cabinet 3.</p>"
        assert list(bodies(here)) == ["Plan", "Policy", "Cal/OSHA"]
        assert list(bodies(there)) == ["Plan", "Policy", "Law of Texas"]
        assert here.headers["ETag"] != there.headers["ETag"]

    async def test_a_new_fact_is_shown_at_once(
        self, api: Api, californian: User, admin: User, fresno: Location, training: Training
    ) -> None:
        study = await training.begin(californian)
        first = await study.content()
        held = await study.content(**{"If-None-Match": first.headers["ETag"]})
        assert held.status_code == HTTPStatus.NOT_MODIFIED
        facts = {"facts": {"exposure_control_plan": "Blue binder"}}
        path = f"/locations/{fresno.id}/site-facts"
        await api.patch(path, admin, json=facts, headers={"If-Match": "*"})
        second = await study.content(**{"If-None-Match": first.headers["ETag"]})
        assert bodies(second)["Plan"] == "<p>The plan: Blue binder.</p>"

    async def test_a_missing_fact_is_no_hole(
        self, session: AsyncSession, training: Training
    ) -> None:
        for person in (
            await make_user(session),
            await make_user(session, location_id=(await make_location(session)).id),
        ):
            content = await (await training.begin(person)).content()
            said = "ask your manager where the exposure control plan lies"
            assert said in bodies(content)["Plan"]
            assert "{{" not in content.text

    async def test_two_offices(
        self,
        api: Api,
        admin: User,
        californian: User,
        dallas: Location,
        training: Training,
    ) -> None:
        study = await training.begin(californian)
        body = {"location_id": str(dallas.id), "starts_on": "2026-02-02"}
        posted = await api.post(f"/users/{californian.id}/positions", admin, json=body)
        assert posted.status_code == HTTPStatus.CREATED
        content = bodies(await study.content())
        assert list(content) == ["Plan", "Policy", "Cal/OSHA", "Law of Texas"]
        assert "Dallas: Cabinet 3; Fresno: Red binder" in content["Plan"]

    async def test_plain_modules_are_served_as_published(
        self, api: Api, californian: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        plain = await make_module(session)
        version = await publish(database, plain)
        study = await Study(api, californian, plain).enroll()
        content = await study.content()
        assert content.content == version.content
        assert content.headers["ETag"] == f'"{version.content_sha256}"'


class TestSectionsOfStates:
    async def test_completing_asks_for_ones_own_state(
        self,
        californian: User,
        training: Training,
    ) -> None:
        study = await training.begin(californian)
        assert await study.titles() == ["Plan", "Policy", "Cal/OSHA"]
        assert_problem(await study.attempt(training.parts["quiz"]), 404, "section_not_found")
        await study.report(training.parts["plan"])
        await study.sign(training.parts["policy"])
        assert await study.state() == ("active", 66)
        await study.report(training.parts["californian"])
        assert await study.state() == ("completed", 100)
        record = await training.record(study)
        assert record["states"] == ["US-CA"]
        assert [part["title"] for part in record["outline"]] == ["Plan", "Policy", "Cal/OSHA"]
        assert record["quizzes"] == []

    async def test_others_sections_are_unknown(
        self,
        texan: User,
        training: Training,
    ) -> None:
        study = await training.begin(texan)
        assert_problem(await study.report(training.parts["californian"]), 404, "section_not_found")

    async def test_without_an_office_only_what_is_for_everybody(
        self,
        learner: User,
        training: Training,
    ) -> None:
        study = await training.begin(learner)
        await study.report(training.parts["plan"])
        await study.sign(training.parts["policy"])
        assert await study.state() == ("completed", 100)

    async def test_quizzes_of_other_states_are_nobodys_used_up_attempts(
        self,
        api: Api,
        admin: User,
        texan: User,
        fresno: Location,
        training: Training,
    ) -> None:
        study = await training.begin(texan)
        for _ in range(3):
            await study.attempt(training.parts["quiz"], "b")
        assert len((await api.get("/used-up-attempts", admin)).json()["items"]) == 1
        await training.transfer(texan, fresno)
        assert (await api.get("/used-up-attempts", admin)).json()["items"] == []

    async def test_policies_of_other_states_cannot_be_signed(
        self, api: Api, texan: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        policy = acknowledgement_section(states=["US-CA"])
        module = await make_module(session, text_section(), policy)
        await publish(database, module)
        study = await Study(api, texan, module).enroll()
        assert_problem(await study.sign(policy), 404, "section_not_found")


class TestTransfer:
    async def test_under_way_follows_to_the_new_state(
        self,
        admin: User,
        californian: User,
        dallas: Location,
        training: Training,
        session: AsyncSession,
    ) -> None:
        study = await training.begin(californian)
        await study.report(training.parts["plan"])
        await study.report(training.parts["californian"])
        assert await study.state() == ("active", 66)
        await training.transfer(californian, dallas)
        assert await study.state() == ("active", 33)
        assert await study.titles() == ["Plan", "Policy", "Law of Texas"]
        await study.sign(training.parts["policy"])
        await study.attempt(training.parts["quiz"])
        assert await study.state() == ("completed", 100)
        record = await training.record(study)
        assert record["states"] == ["US-TX"]
        titles = [part["title"] for part in record["outline"]]
        assert titles == ["Plan", "Policy", "Cal/OSHA", "Law of Texas"]
        (facts,) = record["site_facts"]
        read = [{"location": "Fresno", "value": "Red binder <staff room>"}]
        assert facts["facts"] == {"exposure_control_plan": read}
        events = await session.execute(
            select(AuditEvent.actor_id, AuditEvent.before, AuditEvent.after).where(
                AuditEvent.action == "enrollment:states_changed"
            )
        )
        assert events.all() == [(admin.id, {"states": ["US-CA"]}, {"states": ["US-TX"]})]

    async def test_failed_quizzes_of_the_old_state_do_not_count(
        self,
        texan: User,
        fresno: Location,
        training: Training,
    ) -> None:
        study = await training.begin(texan)
        await study.attempt(training.parts["quiz"], "b")
        await study.report(training.parts["plan"])
        await study.sign(training.parts["policy"])
        await training.transfer(texan, fresno)
        await study.report(training.parts["californian"])
        record = await training.record(study)
        assert (record["score_percent"], record["quizzes"]) == (None, [])

    async def test_nothing_left_completes(
        self,
        californian: User,
        session: AsyncSession,
        training: Training,
    ) -> None:
        study = await training.begin(californian)
        await study.report(training.parts["plan"])
        await study.sign(training.parts["policy"])
        reno = await make_location(session, country="US", state="US-NV")
        await training.transfer(californian, reno)
        assert await study.state() == ("completed", 100)
        record = await training.record(study)
        assert record["states"] == []

    async def test_completed_stays_as_it_was(
        self,
        californian: User,
        dallas: Location,
        training: Training,
    ) -> None:
        study = await training.begin(californian)
        await study.report(training.parts["plan"])
        await study.sign(training.parts["policy"])
        await study.report(training.parts["californian"])
        await training.transfer(californian, dallas)
        assert await study.state() == ("completed", 100)
        assert await study.titles() == ["Plan", "Policy", "Cal/OSHA"]

    async def test_a_corrected_state_of_the_office(
        self, api: Api, admin: User, californian: User, fresno: Location, training: Training
    ) -> None:
        study = await training.begin(californian)
        changed = await api.patch(
            f"/locations/{fresno.id}", admin, json={"state": "US-TX"}, headers={"If-Match": "*"}
        )
        assert changed.status_code == HTTPStatus.OK
        assert await study.titles() == ["Plan", "Policy", "Law of Texas"]


class TestRights:
    async def test_the_api_cannot_say_which_states(
        self, californian: User, training: Training, session: AsyncSession
    ) -> None:
        study = await training.begin(californian)
        forged = update(Enrollment).where(Enrollment.id == uuid.UUID(study.id)).values(states=[])
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(forged)
