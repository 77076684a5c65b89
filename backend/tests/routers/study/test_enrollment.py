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
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

SECTION = {
    "section_id",
    "title",
    "kind",
    "required",
    "state",
    "seconds_spent",
    "position",
    "completed_at",
}


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

    async def test_prerequisites_come_first(
        self, api: Api, learner: User, author: User, module: TrainingModule
    ) -> None:
        body = {"title": "Advanced", "prerequisite_ids": [str(module.id)]}
        advanced = (await api.post("/modules", author, json=body)).json()["id"]
        section = {"kind": "text", "title": "T", "body": "<p>More.</p>"}
        await api.post(f"/modules/{advanced}/sections", author, json=section)
        assert (await api.post(f"/modules/{advanced}/publish", author)).is_success
        response = await api.post("/enrollments", learner, json={"module_id": advanced})
        problem = assert_problem(response, 409, "prerequisite_missing")
        assert problem["module_ids"] == [str(module.id)]

    async def test_the_same_key_answers_the_same(
        self, api: Api, learner: User, other_learner: User, module: TrainingModule
    ) -> None:
        body, key = {"module_id": str(module.id)}, {"Idempotency-Key": "k" * 255}
        first = await api.post("/enrollments", learner, json=body, headers=key)
        again = await api.post("/enrollments", learner, json=body, headers=key)
        assert (again.status_code, again.content) == (HTTPStatus.CREATED, first.content)
        assert again.headers["Location"] == first.headers["Location"]
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        other = await api.post(
            "/enrollments", learner, json={"module_id": str(uuid.uuid4())}, headers=key
        )
        assert_problem(other, 422, "idempotency_key_reused")
        # Keys are per person.
        theirs = await api.post("/enrollments", other_learner, json=body, headers=key)
        assert theirs.json()["user_id"] == str(other_learner.id)

    @pytest.mark.parametrize("key", ["", "k" * 256, "caf\u00e9"])
    async def test_keys_are_sane(
        self, api: Api, learner: User, module: TrainingModule, key: str
    ) -> None:
        response = await api.post(
            "/enrollments",
            learner,
            json={"module_id": str(module.id)},
            headers={"Idempotency-Key": key.encode("latin-1")},
        )
        assert [pointer for pointer, _ in pointers(response)] == ["header:Idempotency-Key"]


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

    async def test_anonymous_and_others(
        self, api: Api, learner: User, other_learner: User, admin: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        assert_anonymous(await api.put(path, json={}))
        for user in (other_learner, admin):
            assert_problem(await api.put(path, user, json={}), 404, "enrollment_not_found")

    async def test_only_moves_forward(
        self, api: Api, learner: User, module: TrainingModule
    ) -> None:
        enrollment_id = await enroll(api, learner, module)
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[1].id}/progress"
        done = {"seconds_spent": 0, "position": 7, "completed": True}
        first = (await api.put(path, learner, json=done)).json()
        assert first.keys() == {"section", "enrollment"}
        assert first["section"].keys() == SECTION
        assert first["enrollment"] == {
            "status": "active",
            "progress_percent": 0,
            "completed_at": None,
        }
        late = {"seconds_spent": 0, "position": 1, "completed": False}
        again = (await api.put(path, learner, json=late)).json()
        assert again == first
        assert again["section"]["state"] == "completed"

    @pytest.mark.parametrize(
        "body",
        [
            {"seconds_spent": -1},
            {"seconds_spent": 2**63},
            {"seconds_spent": 1.5},
            {"seconds_spent": "1"},
            {"position": -0.1},
            {"position": 1e300},
            {"position": "1"},
            {"completed": "yes"},
            {"completed": 1},
            {"progress_percent": 100},
        ],
    )
    async def test_nonsense(
        self, api: Api, learner: User, module: TrainingModule, body: dict[str, object]
    ) -> None:
        path = f"/enrollments/{uuid.uuid4()}/sections/{module.sections[0].id}/progress"
        response = await api.put(path, learner, json=body)
        assert [pointer for pointer, _ in pointers(response)] == [f"/{next(iter(body))}"]

    async def test_foreign_section(self, api: Api, learner: User, module: TrainingModule) -> None:
        enrollment_id = await enroll(api, learner, module)
        path = f"/enrollments/{enrollment_id}/sections/{uuid.uuid4()}/progress"
        assert_problem(await api.put(path, learner, json={}), 404, "section_not_found")
