import hashlib
import uuid
from http import HTTPStatus

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, TrainingModule, TrainingRecord, User
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    text_section,
)
from tests.support import Api, RollbackDatabase


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, text_section(), text_section(required=False))
    await publish(database, module)
    return module


async def enroll(api: Api, user: User, module: TrainingModule) -> str:
    response = await api.post("/enrollments", user, json={"module_id": str(module.id)})
    assert response.status_code == HTTPStatus.CREATED
    return str(response.json()["id"])


class TestEnroll:
    async def test_anonymous(self, api: Api) -> None:
        response = await api.post("/enrollments", json={"module_id": str(uuid.uuid4())})
        assert response.status_code == HTTPStatus.UNAUTHORIZED
        assert response.headers["WWW-Authenticate"] == "Bearer"

    async def test_created_then_the_same(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        payload = {"module_id": str(module.id)}
        first = await api.post("/enrollments", learner, json=payload)
        again = await api.post("/enrollments", learner, json=payload)
        assert (first.status_code, again.status_code) == (HTTPStatus.CREATED, HTTPStatus.OK)
        assert first.headers["Location"] == f"/api/v1/enrollments/{first.json()['id']}"
        assert again.json() == first.json()

    async def test_draft_is_unknown(self, api: Api, learner: User, session: AsyncSession) -> None:
        draft = await make_module(session)
        response = await api.post("/enrollments", learner, json={"module_id": str(draft.id)})
        assert response.status_code == HTTPStatus.NOT_FOUND
        assert response.json()["code"] == "module_not_found"

    async def test_is_audited(
        self, api: Api, learner: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        events = await session.scalars(
            select(AuditEvent.action).where(AuditEvent.target_id == uuid.UUID(enrollment_id))
        )
        assert list(events) == ["enrollment:created"]


class TestContent:
    async def test_others_do_not_see_it(
        self, api: Api, learner: User, other_learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        response = await api.get(f"/enrollments/{enrollment_id}/content", other_learner)
        assert response.status_code == HTTPStatus.NOT_FOUND

    async def test_etag_is_the_hash_of_the_bytes(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        path = f"/enrollments/{await enroll(api, learner, module)}/content"
        content = await api.get(path, learner)
        assert content.headers["ETag"] == f'"{hashlib.sha256(content.content).hexdigest()}"'
        known = {"If-None-Match": content.headers["ETag"]}
        assert (await api.get(path, learner, headers=known)).status_code == HTTPStatus.NOT_MODIFIED


class TestProgress:
    async def test_completes_with_a_record(
        self, api: Api, learner: User, module: TrainingModule, session: AsyncSession
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        required = module.sections[0].id
        response = await api.put(
            f"/enrollments/{enrollment_id}/sections/{required}/progress",
            learner,
            json={"seconds_spent": 30, "position": 0, "completed": True},
        )
        assert response.status_code == HTTPStatus.OK
        state = response.json()["enrollment"]
        assert (state["status"], state["progress_percent"]) == ("completed", 100)
        record = (await session.scalars(select(TrainingRecord))).one()
        assert record.user_snapshot["email"] == learner.email

    async def test_quiz_decides(
        self, api: Api, learner: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await make_module(session, quiz_section(), acknowledgement_section())
        await publish(database, module)
        enrollment_id = await enroll(api, learner, module)
        response = await api.put(
            f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress",
            learner,
            json={"seconds_spent": 1, "position": 0, "completed": True},
        )
        assert response.status_code == HTTPStatus.CONFLICT
        assert response.json()["code"] == "quiz_decides"
