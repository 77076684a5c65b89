"""The fast lane answers only plain requests, and exactly as the routes do."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import Message

from app.core.errors import AppError
from app.domain.actor import Actor, Role
from app.models import CompliancePending, SectionProgress, TrainingModule, User
from app.routers.deps import Guard
from app.routers.middleware import fast_lane
from app.routers.middleware.fast_lane import LANES
from app.routers.respond import BASE_PATH
from tests.factories.module import make_module, publish, quiz_section, text_section
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase

JSON = b"application/json"
OWN_HEADERS = {"x-request-id"}


@dataclass
class Lane:
    """Whether the last request was answered ahead of the routes."""

    answered: bool = False


@pytest.fixture
def lane(monkeypatch: pytest.MonkeyPatch) -> Lane:
    seen, answer = Lane(), fast_lane._answer  # noqa: SLF001  # seen from nowhere else

    async def watched(*arguments: Any) -> Any:
        try:
            found = await answer(*arguments)
        except AppError:
            seen.answered = True
            raise
        seen.answered = found is not None
        return found

    monkeypatch.setattr(fast_lane, "_answer", watched)
    return seen


@dataclass
class Study:
    module: TrainingModule
    enrollment_id: str

    @property
    def content(self) -> str:
        return f"/enrollments/{self.enrollment_id}/content"

    @property
    def progress(self) -> str:
        section = self.module.sections[0].id
        return f"/enrollments/{self.enrollment_id}/sections/{section}/progress"


@pytest.fixture
async def study(
    api: Api, session: AsyncSession, database: RollbackDatabase, learner: User
) -> Study:
    module = await make_module(session, text_section(), text_section())
    await publish(database, module)
    enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
    return Study(module, enrolled.json()["id"])


def plain(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    headers = {key: value for key, value in response.headers.items() if key not in OWN_HEADERS}
    return response.status_code, response.content, headers


class CutOff(Protocol):
    async def __call__(self, path: str, sent: bytes) -> None: ...


@pytest.fixture
def cut_off(application: FastAPI, api: Api, learner: User) -> CutOff:
    """Send a PUT whose client closes the connection before the end of the body."""
    assert learner.supabase_id is not None
    token = api.keys.token(learner.supabase_id, learner.email)
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"content-type", JSON)]

    async def put(path: str, sent: bytes) -> None:
        scope = {
            "type": "http",
            "method": "PUT",
            "path": BASE_PATH + path,
            "query_string": b"",
            "headers": headers,
        }
        part: Message = {"type": "http.request", "body": sent, "more_body": True}
        arrived = iter([part])

        async def receive() -> Message:
            return next(arrived, {"type": "http.disconnect"})

        async def send(_message: Message) -> None:
            pass

        await application(scope, receive, send)

    return put


class TestDeclared:
    """The fast lane must not answer anybody whom the route would refuse."""

    def test_each_lane_is_a_route(self, application: FastAPI) -> None:
        permissions = {
            (method, route.path_format): guard.permission
            for route in iter_route_contexts(application.routes)
            for method in route.methods or ()
            for guard in _guards(route)
        }
        assert LANES
        for lane in LANES:
            assert permissions[lane.method, BASE_PATH + lane.path_format] is lane.permission

    @pytest.mark.parametrize("role", Role)
    def test_whom_it_answers_may(self, role: Role) -> None:
        lanes = [lane for lane in LANES if role in lane.roles]
        assert lanes
        assert all(Actor(uuid.uuid4(), role).may(lane.permission) for lane in lanes)


def _guards(route: Any) -> list[Guard]:
    dependant = getattr(route, "dependant", None)
    called = [each.call for each in dependant.dependencies] if dependant else []
    return [call for call in called if isinstance(call, Guard)]


class TestSameAnswers:
    """Any query, even an empty one, sends a request the ordinary way."""

    async def test_content(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        fast = await api.get(study.content, learner)
        assert lane.answered
        lane.answered = False
        slow = await api.get(study.content + "?&", learner)
        assert not lane.answered
        assert fast.status_code == HTTPStatus.OK
        assert plain(fast) == plain(slow)

    async def test_not_modified(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        etag = (await api.get(study.content, learner)).headers["ETag"]
        headers = {"If-None-Match": f'"other", W/{etag}'}
        fast = await api.get(study.content, learner, headers=headers)
        assert lane.answered
        slow = await api.get(study.content + "?&", learner, headers=headers)
        assert fast.status_code == HTTPStatus.NOT_MODIFIED
        assert plain(fast) == plain(slow)

    async def test_first_page(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        fast = await api.get("/enrollments", learner)
        assert lane.answered
        slow = await api.get("/enrollments?limit=50", learner)
        assert [row["id"] for row in fast.json()["items"]] == [study.enrollment_id]
        assert plain(fast) == plain(slow)

    async def test_progress(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        report = {"seconds_spent": 3, "position": 0.5}
        fast = await api.put(study.progress, learner, json=report)
        assert lane.answered
        slow = await api.put(study.progress + "?&", learner, json=report)
        assert fast.status_code == HTTPStatus.OK
        assert plain(fast) == plain(slow)

    async def test_enroll(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learner: User,
        lane: Lane,
    ) -> None:
        answers = []
        module = await make_module(session, text_section())
        await publish(database, module)
        for query in ("", "?&"):
            lane.answered = False
            async with database.undone():
                body = {"module_id": str(module.id)}
                answer = await api.post("/enrollments" + query, learner, json=body)
                assert lane.answered is not bool(query)
            answers.append(answer)
        fast, slow = answers
        assert fast.status_code == slow.status_code == HTTPStatus.CREATED
        assert fast.headers["Location"].endswith(fast.json()["id"])
        varying = {"id": "", "enrolled_at": ""}
        assert fast.json() | varying == slow.json() | varying

    async def test_bodies_in_parts(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        async def parts() -> AsyncIterator[bytes]:
            yield b'{"posi'
            yield b'tion": 7}'

        headers = {"Content-Type": "application/json"}
        answer = await api.put(study.progress, learner, content=parts(), headers=headers)
        assert answer.json()["section"]["position"] == 7
        assert lane.answered

    async def test_enrolling_again(self, api: Api, learner: User, study: Study, lane: Lane) -> None:
        body = {"module_id": str(study.module.id)}
        fast = await api.post("/enrollments", learner, json=body)
        assert lane.answered
        slow = await api.post("/enrollments?&", learner, json=body)
        assert (fast.status_code, fast.json()["id"]) == (HTTPStatus.OK, study.enrollment_id)
        assert plain(fast) == plain(slow)

    async def test_what_is_refused(
        self, api: Api, session: AsyncSession, database: RollbackDatabase, learner: User, lane: Lane
    ) -> None:
        module = await make_module(session, quiz_section())
        await publish(database, module)
        body = {"module_id": str(module.id)}
        enrollment_id = (await api.post("/enrollments", learner, json=body)).json()["id"]
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        fast, slow = [
            await api.put(path + query, learner, json={"completed": True}) for query in ("", "?&")
        ]
        assert lane.answered
        varying = {"request_id": ""}
        assert fast.status_code == slow.status_code == HTTPStatus.CONFLICT
        assert fast.json() | varying == slow.json() | varying

    async def test_a_completion_is_reckoned_with(
        self, api: Api, session: AsyncSession, learner: User, study: Study, lane: Lane
    ) -> None:
        for section in study.module.sections:
            path = f"/enrollments/{study.enrollment_id}/sections/{section.id}/progress"
            answer = await api.put(path, learner, json={"seconds_spent": 9, "completed": True})
        assert answer.json()["enrollment"]["status"] == "completed"
        assert lane.answered
        records = (await api.get("/training-records", learner)).json()["items"]
        assert len(records) == 1
        assert not (await session.scalars(select(CompliancePending))).all()


class TestHandsOn:
    """Each of these is left to the route, which answers with its own error."""

    async def test_anonymous(self, api: Api, study: Study, lane: Lane) -> None:
        answer = await api.get(study.content)
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert not lane.answered

    async def test_a_forged_token(self, api: Api, study: Study) -> None:
        answer = await api.get(study.content, headers={"Authorization": "Bearer a.b.c"})
        assert answer.status_code == HTTPStatus.UNAUTHORIZED
        assert answer.json()["code"] == "invalid_token"

    @pytest.mark.parametrize("scheme", ["Bearer  ", "bearer ", "BEARER   "])
    async def test_a_token_written_otherwise(
        self, api: Api, learner: User, study: Study, lane: Lane, scheme: str
    ) -> None:
        assert learner.supabase_id is not None
        token = api.keys.token(learner.supabase_id, learner.email)
        lane.answered = False
        answers = [
            await api.get(study.content + query, headers={"Authorization": scheme + token})
            for query in ("", "?&")
        ]
        assert [answer.status_code for answer in answers] == [HTTPStatus.OK, HTTPStatus.OK]
        assert not lane.answered

    @pytest.mark.parametrize("sent", [b"{", b"{}", b'{"seconds_spent": 1}'])
    async def test_a_body_that_was_cut_off(
        self, cut_off: CutOff, session: AsyncSession, study: Study, lane: Lane, sent: bytes
    ) -> None:
        """The part that arrived may be valid JSON, but is not what the client meant."""
        lane.answered = False
        await cut_off(study.progress, sent)
        assert not lane.answered
        assert (await session.scalars(select(SectionProgress))).all() == []

    async def test_what_is_somebody_elses(
        self, api: Api, session: AsyncSession, study: Study, lane: Lane
    ) -> None:
        lane.answered = False
        for role in Role:
            user = await make_user(session, role=role)
            assert (await api.get(study.content, user)).status_code == HTTPStatus.NOT_FOUND
            answer = await api.put(study.progress, user, json={"seconds_spent": 1})
            assert answer.status_code == HTTPStatus.NOT_FOUND
        assert not lane.answered

    async def test_leavers(
        self, api: Api, session: AsyncSession, learner: User, study: Study, lane: Lane
    ) -> None:
        learner.is_active = False
        await session.flush()
        requests = (
            api.get(study.content, learner),
            api.get("/enrollments", learner),
            api.put(study.progress, learner, json={"seconds_spent": 1}),
            api.post("/enrollments", learner, json={"module_id": str(study.module.id)}),
        )
        lane.answered = False
        for request in requests:
            answer = await request
            assert answer.status_code == HTTPStatus.FORBIDDEN
            assert answer.json()["code"] == "user_inactive"
        assert not lane.answered

    async def test_a_new_address_is_taken_over_first(
        self, api: Api, session: AsyncSession, learner: User, study: Study, lane: Lane
    ) -> None:
        assert learner.supabase_id is not None
        token = api.keys.token(learner.supabase_id, "moved@unified.example")
        lane.answered = False
        answer = await api.get(study.content, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == HTTPStatus.OK
        assert not lane.answered
        await session.refresh(learner)
        assert learner.email == "moved@unified.example"

    async def test_an_idempotency_key(
        self,
        api: Api,
        session: AsyncSession,
        database: RollbackDatabase,
        learner: User,
        lane: Lane,
    ) -> None:
        module = await make_module(session, text_section())
        await publish(database, module)
        body = {"module_id": str(module.id)}
        for replayed in (False, True):
            headers = {"Idempotency-Key": "1"}
            answer = await api.post("/enrollments", learner, json=body, headers=headers)
            assert answer.status_code == HTTPStatus.CREATED
            assert ("Idempotency-Replayed" in answer.headers) is replayed
        assert not lane.answered

    @pytest.mark.parametrize(
        "content", [b"{", b"[]", b'{"seconds_spent": -1}', b'{"seconds_spent": NaN}', b""]
    )
    async def test_bodies_that_the_schema_refuses(
        self, api: Api, learner: User, study: Study, lane: Lane, content: bytes
    ) -> None:
        lane.answered = False
        headers = {"Content-Type": "application/json"}
        answer = await api.put(study.progress, learner, content=content, headers=headers)
        assert answer.status_code in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert not lane.answered
