import uuid
from http import HTTPStatus
from typing import ClassVar

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, TrainingModule, TrainingRecord, User
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.routers.compliance.test_hours import let_pass
from tests.support import Api, RollbackDatabase, etag

TEACHING = {
    "contact": {"name": "Ivy Instructor", "qualification": "RN, infection control"},
    "ce": {
        "provider_name": "Approved Provider",
        "provider_number": "RP-1234",
        "hours": 2,
        "category": "infection_control_ca",
        "delivery": "self_study",
    },
    "retention_class": "osha_bloodborne",
}


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session)
    await publish(database, module)
    return module


def path(module: TrainingModule) -> str:
    return f"/modules/{module.id}/teaching"


class TestTeaching:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert (await api.get(path(module))).status_code == HTTPStatus.UNAUTHORIZED

    @pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER])
    async def test_authors_only(
        self, api: Api, module: TrainingModule, role: Role, session: AsyncSession
    ) -> None:
        user = await make_user(session, role=role)
        assert (await api.get(path(module), user)).status_code == HTTPStatus.FORBIDDEN
        changed = await api.put(path(module), user, json=TEACHING, headers={"If-Match": "*"})
        assert changed.status_code == HTTPStatus.FORBIDDEN

    async def test_unknown_module(self, api: Api, author: User) -> None:
        response = await api.get(f"/modules/{uuid.uuid4()}/teaching", author)
        assert response.json()["code"] == "module_not_found"

    async def test_is_set_and_cleared(
        self, api: Api, module: TrainingModule, author: User, session: AsyncSession
    ) -> None:
        empty = await api.get(path(module), author)
        assert empty.json()["ce"] is None
        missing = await api.put(path(module), author, json=TEACHING)
        assert missing.status_code == HTTPStatus.PRECONDITION_REQUIRED
        changed = await api.put(path(module), author, json=TEACHING, headers=etag(empty))
        assert {name: changed.json()[name] for name in TEACHING} == TEACHING
        stale = await api.put(path(module), author, json=TEACHING, headers=etag(empty))
        assert stale.status_code == HTTPStatus.PRECONDITION_FAILED
        cleared = await api.put(path(module), author, json={}, headers=etag(changed))
        assert cleared.json()["contact"] is cleared.json()["ce"] is None
        events = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "module_teaching:set")
        )
        assert len(events.all()) == 2

    async def test_records_carry_it_as_it_was(
        self,
        api: Api,
        module: TrainingModule,
        author: User,
        learner: User,
        session: AsyncSession,
    ) -> None:
        empty = await api.get(path(module), author)
        changed = await api.put(path(module), author, json=TEACHING, headers=etag(empty))
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        report = {"seconds_spent": 1, "position": 0, "completed": True}
        section = module.sections[0].id
        await api.put(
            f"/enrollments/{enrolled.json()['id']}/sections/{section}/progress",
            learner,
            json=report,
        )
        await api.put(path(module), author, json={}, headers=etag(changed))
        record = (await session.scalars(select(TrainingRecord))).one()
        payload = orjson.loads(record.payload)
        assert payload["delivery_method"] == "self_paced_online"
        assert payload["instructors"] == [{"role": "contact", **TEACHING["contact"]}]  # type: ignore[dict-item]  # a nested mapping
        assert (payload["ce_hours"], payload["ce"]["hours_offered"]) == (0, 2)
        assert payload["ce"]["provider_number"] == "RP-1234"


class TestCeCredits:
    PARAMS: ClassVar = {"profile": "california_rdh", "cycle_end": "2027-06-30"}

    async def complete(  # fixtures are handed on
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        learner: User,
        author: User,
    ) -> None:
        """Complete the module in two hours."""
        empty = await api.get(path(module), author)
        await api.put(path(module), author, json=TEACHING, headers=etag(empty))
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        section = f"sections/{module.sections[0].id}/progress"
        for spent in range(600, 7201, 600):
            await let_pass(session, enrolled.json()["id"], 600)
            report = {"seconds_spent": spent, "position": 0, "completed": spent == 7200}
            await api.put(f"/enrollments/{enrolled.json()['id']}/{section}", learner, json=report)

    async def test_anonymous(self, api: Api, learner: User) -> None:
        response = await api.get(f"/users/{learner.id}/ce-credits", params=self.PARAMS)
        assert response.status_code == HTTPStatus.UNAUTHORIZED

    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        for user in (other_learner, manager):
            response = await api.get(f"/users/{learner.id}/ce-credits", user, params=self.PARAMS)
            assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_adds_up_records_and_verified_training_elsewhere(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        session: AsyncSession,
        module: TrainingModule,
        learner: User,
        author: User,
        admin: User,
    ) -> None:
        await self.complete(api, session, module, learner, author)
        course = {
            "provider": "Dental Hygiene Association",
            "title": "Dental Practice Act",
            "completed_on": "2026-02-03",
            "hours": 3,
            "credential_kind": "infection_control",
            "provider_number": "RP-77",
            "ce_category": "dental_practice_act_ca",
            "ce_delivery": "live",
        }
        unapproved = {**course, "title": "Lunch talk"}
        for name in ("provider_number", "ce_category", "ce_delivery"):
            unapproved.pop(name)
        for body in (course, unapproved, {**course, "title": "Not verified"}):
            entered = await api.post("/external-trainings", learner, json=body)
            if body["title"] != "Not verified":
                verify = f"/external-trainings/{entered.json()['id']}/verify"
                await api.post(verify, admin, json={"reason": "Certificate seen"})
        response = await api.get(f"/users/{learner.id}/ce-credits", learner, params=self.PARAMS)
        summary = response.json()
        assert [item["title"] for item in summary["credits"]] == [
            "Dental Practice Act",
            module.title,
        ]
        assert (summary["earned"], summary["counted"], summary["complete"]) == (5, 5, False)
        assert summary["shortfalls"] == [{"name": "total", "needed": 25, "earned": 5}]
        assert summary["cycle_start"] == "2025-07-01"
        assert "to be verified with the board" in summary["notice"]
        figures = {figure["name"]: figure for figure in summary["figures"]}
        assert figures["cap:benefit_of_licensee"]["value"] == 5
        assert all("to be verified" in figure["notice"] for figure in figures.values())

    async def test_without_an_approved_provider_there_are_no_hours(
        self, api: Api, module: TrainingModule, learner: User
    ) -> None:
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        section = f"sections/{module.sections[0].id}/progress"
        report = {"seconds_spent": 1, "position": 0, "completed": True}
        await api.put(f"/enrollments/{enrolled.json()['id']}/{section}", learner, json=report)
        response = await api.get(f"/users/{learner.id}/ce-credits", learner, params=self.PARAMS)
        assert response.json()["credits"] == []

    async def test_new_york_infection_control_counts_for_four_years(
        self, api: Api, learner: User, admin: User
    ) -> None:
        course = {
            "provider": "Approved Provider",
            "title": "Infection control",
            "completed_on": "2023-05-01",
            "hours": 3,
            "credential_kind": "infection_control",
            "provider_number": "NY-1",
            "ce_category": "infection_control_ny",
            "ce_delivery": "self_study",
        }
        entered = await api.post("/external-trainings", learner, json=course)
        verify = f"/external-trainings/{entered.json()['id']}/verify"
        await api.post(verify, admin, json={"reason": "Certificate seen"})
        # The cycle begins after the course; the four years do not end before as_of.
        params = {
            "profile": "new_york_rdh",
            "cycle_start": "2024-01-01",
            "cycle_end": "2026-12-31",
            "as_of": "2026-11-20",
        }
        response = await api.get(f"/users/{learner.id}/ce-credits", learner, params=params)
        assert [item["name"] for item in response.json()["shortfalls"]] == ["total"]
        later = {**params, "cycle_end": "2027-12-31", "as_of": "2027-05-02"}
        response = await api.get(f"/users/{learner.id}/ce-credits", learner, params=later)
        names = {item["name"] for item in response.json()["shortfalls"]}
        assert names == {"total", "infection_control_ny"}

    async def test_a_cycle_does_not_end_before_it_starts(self, api: Api, learner: User) -> None:
        params = {**self.PARAMS, "cycle_start": "2028-01-01"}
        response = await api.get(f"/users/{learner.id}/ce-credits", learner, params=params)
        assert response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY
        assert response.json()["errors"][0]["code"] == "after_end"
