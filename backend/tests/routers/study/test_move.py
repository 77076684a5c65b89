"""Learners who are under way when a module changes materially."""

import uuid
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, ModuleSection, TrainingModule, TrainingRecord, User
from tests.factories.attempt import make_quiz
from tests.factories.module import acknowledgement_section, make_module, publish, text_section
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api, RollbackDatabase


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    """Two texts and a policy to sign."""
    module = await make_module(session, text_section(), text_section(), acknowledgement_section())
    await publish(database, module)
    return module


class Learning:
    def __init__(self, api: Api, learner: User) -> None:
        self.api = api
        self.learner = learner

    async def enroll(self, module: TrainingModule) -> str:
        body = {"module_id": str(module.id)}
        return str((await self.api.post("/enrollments", self.learner, json=body)).json()["id"])

    async def read(self, enrollment_id: str) -> dict[str, Any]:
        return dict((await self.api.get(f"/enrollments/{enrollment_id}", self.learner)).json())

    async def complete(self, enrollment_id: str, section: ModuleSection) -> None:
        path = f"/enrollments/{enrollment_id}/sections/{section.id}"
        if section.kind == "text":
            response = await self.api.put(
                f"{path}/progress", self.learner, json={"completed": True, "position": 0.5}
            )
        else:
            signed = {"printed_name": self.learner.full_name, "meaning": "I have read it."}
            response = await self.api.post(f"{path}/acknowledge", self.learner, json=signed)
        assert response.status_code == HTTPStatus.OK, response.text

    async def move(self, enrollment_id: str) -> dict[str, Any]:
        response = await self.api.post(f"/enrollments/{enrollment_id}/move", self.learner)
        assert response.status_code == HTTPStatus.CREATED, response.text
        return dict(response.json())


@pytest.fixture
def learning(api: Api, learner: User) -> Learning:
    return Learning(api, learner)


@pytest.fixture
def change(session: AsyncSession, database: RollbackDatabase) -> Any:
    async def publish_again(
        module: TrainingModule, section: ModuleSection, *, material: bool = True
    ) -> None:
        section.body += "<p>The law has changed.</p>"
        await session.commit()
        await publish(database, module, material_change=material)

    return publish_again


class TestTold:
    async def test_at_once_in_enrollment_and_content(
        self, api: Api, learning: Learning, learner: User, module: TrainingModule, change: Any
    ) -> None:
        enrollment_id = await learning.enroll(module)
        content = f"/enrollments/{enrollment_id}/content"
        before = await api.get(content, learner)
        assert "X-Superseded-By" not in before.headers
        assert (await learning.read(enrollment_id))["superseded_by"] is None
        await change(module, module.sections[1])
        assert (await learning.read(enrollment_id))["superseded_by"] == 2
        [listed] = (await api.get("/enrollments", learner)).json()["items"]
        assert (listed["version"], listed["superseded_by"]) == (1, 2)
        now = await api.get(content, learner)
        known = await api.get(content, learner, headers={"If-None-Match": now.headers["ETag"]})
        assert now.content == before.content
        assert known.status_code == HTTPStatus.NOT_MODIFIED
        assert now.headers["X-Superseded-By"] == known.headers["X-Superseded-By"] == "2"

    async def test_not_of_small_changes_before_or_after_it(
        self, learning: Learning, module: TrainingModule, change: Any
    ) -> None:
        enrollment_id = await learning.enroll(module)
        await change(module, module.sections[1], material=False)
        assert (await learning.read(enrollment_id))["superseded_by"] is None
        await change(module, module.sections[1])
        await change(module, module.sections[1], material=False)
        assert (await learning.read(enrollment_id))["superseded_by"] == 4

    async def test_not_once_it_is_completed(
        self, learning: Learning, module: TrainingModule, change: Any
    ) -> None:
        enrollment_id = await learning.enroll(module)
        for section in module.sections:
            await learning.complete(enrollment_id, section)
        await change(module, module.sections[1])
        assert (await learning.read(enrollment_id))["superseded_by"] is None


class TestMove:
    async def test_anonymous(self, api: Api, module: TrainingModule) -> None:
        assert_anonymous(await api.post(f"/enrollments/{module.id}/move"))

    async def test_keeps_what_is_unchanged(
        self, session: AsyncSession, learning: Learning, module: TrainingModule, change: Any
    ) -> None:
        kept, changed, policy = module.sections
        first = await learning.enroll(module)
        before = await learning.read(first)
        await learning.complete(first, kept)
        await learning.complete(first, policy)
        await change(module, changed)
        moved = await learning.move(first)
        assert moved["id"] != first
        assert (moved["version"], moved["progress_percent"]) == (2, 33)
        assert (moved["source"], moved["enrolled_at"]) == ("self", before["enrolled_at"])
        assert [each["state"] for each in moved["sections"]] == [
            "completed",
            "not_started",
            "not_started",
        ]
        assert (await learning.read(first))["status"] == "withdrawn"
        await learning.complete(moved["id"], changed)
        await learning.complete(moved["id"], policy)
        [record] = await session.scalars(select(TrainingRecord))
        assert record.version == 2
        assert len(orjson.loads(record.payload)["signatures"]) == 1
        [event] = await session.scalars(
            select(AuditEvent).where(
                AuditEvent.action == "enrollment:created",
                AuditEvent.target_id == uuid.UUID(moved["id"]),
            )
        )
        told = event.after or {}
        assert (told["moved_from"], told["kept_sections"]) == (first, [str(kept.id)])

    async def test_completes_where_nothing_is_left(
        self, session: AsyncSession, database: RollbackDatabase, learning: Learning, change: Any
    ) -> None:
        parts = text_section(), text_section(required=False), text_section()
        module = await make_module(session, *parts)
        required, optional, second = module.sections
        await publish(database, module)
        enrollment_id = await learning.enroll(module)
        await learning.complete(enrollment_id, required)
        second.required = False
        await change(module, optional)
        moved = await learning.move(enrollment_id)
        assert (moved["status"], moved["progress_percent"]) == ("completed", 100)
        [record] = await session.scalars(select(TrainingRecord))
        assert record.version == 2

    async def test_only_once_and_only_to_what_is_newer(
        self, api: Api, learning: Learning, learner: User, module: TrainingModule, change: Any
    ) -> None:
        enrollment_id = await learning.enroll(module)
        path = f"/enrollments/{enrollment_id}/move"
        assert_problem(await api.post(path, learner), 409, "no_newer_version")
        await change(module, module.sections[1])
        moved = await learning.move(enrollment_id)
        assert_problem(await api.post(path, learner), 409, "enrollment_closed")
        again = await api.post(f"/enrollments/{moved['id']}/move", learner)
        assert_problem(again, 409, "no_newer_version")

    async def test_small_changes_are_no_way_to_more_attempts(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learning: Learning,
        learner: User,
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=2, cooldown_minutes=60)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        quiz.section.title = "Another title"
        await session.commit()
        await publish(database, quiz.module, material_change=False)
        path = f"/enrollments/{enrollment_id}/move"
        assert_problem(await api.post(path, learner), 409, "no_newer_version")
        assert_problem(await api.post(quiz.attempts(enrollment_id), learner), 409, "cooling_down")

    async def test_attempts_at_a_materially_changed_quiz_start_anew(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learning: Learning,
        learner: User,
    ) -> None:
        quiz = await make_quiz(session, database, max_attempts=1, cooldown_minutes=60)
        enrollment_id = await quiz.enroll(api, learner)
        await quiz.take(api, learner, enrollment_id, quiz.wrong())
        quiz.section.title = "Another title"
        await session.commit()
        await publish(database, quiz.module, material_change=True)
        moved = await learning.move(enrollment_id)
        assert moved["sections"][0]["attempts_left"] == 1
        assert (await quiz.start(api, learner, moved["id"]))["number"] == 1

    async def test_not_for_others(
        self, api: Api, learning: Learning, admin: User, module: TrainingModule, change: Any
    ) -> None:
        enrollment_id = await learning.enroll(module)
        await change(module, module.sections[1])
        refused = await api.post(f"/enrollments/{enrollment_id}/move", admin)
        assert_problem(refused, 404, "enrollment_not_found")
