"""Whose attempts are used up, and who grants another one."""

import uuid
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import AuditEvent, User
from tests.factories.attempt import Quiz, expire, make_quiz
from tests.factories.user import make_location, make_user
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api, RollbackDatabase

BODY = {"reason": "Was called away to a patient."}
LINE = {
    "enrollment_id",
    "user",
    "module",
    "version",
    "quiz",
    "attempts",
    "granted",
    "due_on",
}


@pytest.fixture
async def quiz(session: AsyncSession, database: RollbackDatabase) -> Quiz:
    return await make_quiz(
        session, database, max_attempts=1, cooldown_minutes=0, feedback="after_attempt"
    )


@pytest.fixture
async def colleague(session: AsyncSession, manager: User) -> User:
    return await make_user(session, manager_id=manager.id)


@pytest.fixture
async def enrollment_id(api: Api, colleague: User, quiz: Quiz) -> str:
    """An enrollment whose only attempt has failed."""
    enrollment_id = await quiz.enroll(api, colleague)
    await quiz.take(api, colleague, enrollment_id, quiz.wrong())
    return enrollment_id


def grants(quiz: Quiz, enrollment_id: str) -> str:
    return f"/enrollments/{enrollment_id}/sections/{quiz.section.id}/attempt-grants"


async def left(api: Api, user: User, enrollment_id: str) -> int | None:
    detail = (await api.get(f"/enrollments/{enrollment_id}", user)).json()
    found: int | None = detail["sections"][0]["attempts_left"]
    return found


async def used_up(api: Api, user: User, **query: str) -> list[dict[str, Any]]:
    response = await api.get("/used-up-attempts", user, params=query)
    assert response.status_code == HTTPStatus.OK
    items: list[dict[str, Any]] = response.json()["items"]
    return items


class TestGrant:
    async def test_anonymous(self, api: Api) -> None:
        path = f"/enrollments/{uuid.uuid4()}/sections/{uuid.uuid4()}/attempt-grants"
        assert_anonymous(await api.post(path, json=BODY))

    async def test_not_to_whom_one_does_not_see(
        self, api: Api, quiz: Quiz, enrollment_id: str, session: AsyncSession, author: User
    ) -> None:
        far = await make_user(session, role=Role.MANAGER)
        path = grants(quiz, enrollment_id)
        assert_problem(await api.post(path, far, json=BODY), 404, "enrollment_not_found")
        assert_problem(await api.post(path, author, json=BODY), 403, "forbidden")

    async def test_not_to_oneself(
        self, api: Api, quiz: Quiz, colleague: User, enrollment_id: str, admin: User
    ) -> None:
        response = await api.post(grants(quiz, enrollment_id), colleague, json=BODY)
        assert_problem(response, 403, "forbidden")
        mine = await quiz.enroll(api, admin)
        await quiz.take(api, admin, mine, quiz.wrong())
        response = await api.post(grants(quiz, mine), admin, json=BODY)
        assert_problem(response, 403, "second_person_required")

    async def test_one_more_attempt(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        quiz: Quiz,
        colleague: User,
        manager: User,
        enrollment_id: str,
        session: AsyncSession,
    ) -> None:
        path = grants(quiz, enrollment_id)
        assert await left(api, colleague, enrollment_id) == 0
        made = await api.post(path, manager, json=BODY)
        assert made.status_code == HTTPStatus.CREATED
        assert (made.json()["reason"], made.json()["granted_by_id"]) == (
            BODY["reason"],
            str(manager.id),
        )
        assert await left(api, colleague, enrollment_id) == 1
        again = await api.post(path, manager, json=BODY)
        assert_problem(again, 409, "attempts_left")
        result = await quiz.take(api, colleague, enrollment_id, quiz.wrong())
        assert result["number"] == 2
        refused = await api.post(quiz.attempts(enrollment_id), colleague)
        assert_problem(refused, 409, "no_attempts_left")
        (event,) = await session.scalars(
            select(AuditEvent).where(AuditEvent.action == "attempt_grant:created")
        )
        assert (event.actor_id, str(event.target_id)) == (manager.id, made.json()["id"])

    async def test_right_answers_wait_for_the_last_granted_attempt(
        self, api: Api, quiz: Quiz, colleague: User, manager: User, enrollment_id: str
    ) -> None:
        (first,) = (await api.get(quiz.attempts(enrollment_id), colleague)).json()["items"]
        path = f"/attempts/{first['id']}"
        await api.post(grants(quiz, enrollment_id), manager, json=BODY)
        shown = (await api.get(path, colleague)).json()["feedback"]["questions"]
        assert {each["correct_answer"] for each in shown} == {None}
        await quiz.take(api, colleague, enrollment_id, quiz.wrong())
        shown = (await api.get(path, colleague)).json()["feedback"]["questions"]
        assert None not in [each["correct_answer"] for each in shown]

    async def test_a_grant_stays_with_the_person(
        self, api: Api, quiz: Quiz, colleague: User, manager: User, enrollment_id: str
    ) -> None:
        await api.post(grants(quiz, enrollment_id), manager, json=BODY)
        await api.post(f"/enrollments/{enrollment_id}/withdraw", manager)
        again = await quiz.enroll(api, colleague)
        assert await left(api, colleague, again) == 1
        await quiz.take(api, colleague, again, quiz.wrong())
        assert await left(api, colleague, again) == 0

    async def test_only_when_nothing_is_left(
        self, api: Api, quiz: Quiz, colleague: User, manager: User, enrollment_id: str
    ) -> None:
        path = grants(quiz, enrollment_id)
        await api.post(path, manager, json=BODY)
        await quiz.start(api, colleague, enrollment_id)
        assert_problem(await api.post(path, manager, json=BODY), 409, "attempts_left")
        (_, last) = (await api.get(quiz.attempts(enrollment_id), colleague)).json()["items"]
        await api.post(f"/attempts/{last['id']}/submit", colleague, json={"answers": quiz.right()})
        assert_problem(await api.post(path, manager, json=BODY), 409, "enrollment_closed")

    async def test_nonsense(self, api: Api, quiz: Quiz, manager: User, enrollment_id: str) -> None:
        path = grants(quiz, enrollment_id)
        response = await api.post(path, manager, json={"reason": " "})
        assert [found for found, _ in pointers(response)] == ["/reason"]
        foreign = path.replace(str(quiz.section.id), str(uuid.uuid4()))
        assert_problem(await api.post(foreign, manager, json=BODY), 404, "section_not_found")


class TestReadGrant:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get(f"/attempt-grants/{uuid.uuid4()}"))

    async def test_the_person_and_who_sees_them(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        api: Api,
        quiz: Quiz,
        colleague: User,
        manager: User,
        other_learner: User,
        enrollment_id: str,
    ) -> None:
        made = await api.post(grants(quiz, enrollment_id), manager, json=BODY)
        path = made.headers["Location"].removeprefix("/api/v1")
        assert_problem(await api.get(path, other_learner), 404, "attempt_grant_not_found")
        for user in (colleague, manager):
            assert (await api.get(path, user)).json() == made.json()


class TestUsedUp:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/used-up-attempts"))

    async def test_others_do_not_see_them(
        self, api: Api, colleague: User, enrollment_id: str, session: AsyncSession
    ) -> None:
        assert_problem(await api.get("/used-up-attempts", colleague), 403, "forbidden")
        far = await make_user(session, role=Role.MANAGER)
        assert await used_up(api, far) == []
        response = await api.get("/used-up-attempts", far, params={"user_id": str(colleague.id)})
        assert_problem(response, 404, "user_not_found")

    async def test_a_manager_sees_who_cannot_go_on(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self, api: Api, quiz: Quiz, colleague: User, manager: User, admin: User, enrollment_id: str
    ) -> None:
        (line,) = await used_up(api, manager)
        assert line.keys() == LINE
        assert (line["enrollment_id"], line["attempts"], line["granted"]) == (enrollment_id, 1, 0)
        assert line["user"] == {"id": str(colleague.id), "display_name": colleague.display_name}
        assert line["quiz"]["section_id"] == str(quiz.section.id)
        assert await used_up(api, admin, module_id=str(quiz.module.id)) == [line]
        assert await used_up(api, admin, module_id=str(uuid.uuid4())) == []
        await api.post(grants(quiz, enrollment_id), manager, json=BODY)
        assert await used_up(api, manager) == []
        await quiz.take(api, colleague, enrollment_id, quiz.wrong())
        (line,) = await used_up(api, manager, user_id=str(colleague.id))
        assert (line["attempts"], line["granted"]) == (2, 1)
        await api.post(f"/enrollments/{enrollment_id}/withdraw", manager)
        assert await used_up(api, manager) == []
        again = await quiz.enroll(api, colleague)
        (line,) = await used_up(api, manager)
        assert line["enrollment_id"] == again

    async def test_who_can_go_on_is_not_listed(
        self, api: Api, colleague: User, manager: User, session: AsyncSession, database: Any
    ) -> None:
        unlimited = await make_quiz(session, database, max_attempts=None, cooldown_minutes=0)
        passed = await make_quiz(session, database, max_attempts=1)
        await unlimited.take(
            api, colleague, await unlimited.enroll(api, colleague), unlimited.wrong()
        )
        await passed.take(api, colleague, await passed.enroll(api, colleague), passed.right())
        assert await used_up(api, manager) == []

    async def test_an_attempt_whose_time_is_up_counts(
        self, api: Api, colleague: User, manager: User, session: AsyncSession, database: Any
    ) -> None:
        timed = await make_quiz(session, database, max_attempts=1, time_limit_seconds=60)
        enrollment_id = await timed.enroll(api, colleague)
        await timed.start(api, colleague, enrollment_id)
        assert await used_up(api, manager) == []
        await expire(session)
        assert [line["enrollment_id"] for line in await used_up(api, manager)] == [enrollment_id]
        granted = await api.post(grants(timed, enrollment_id), manager, json=BODY)
        assert granted.status_code == HTTPStatus.CREATED

    async def test_pages(self, api: Api, quiz: Quiz, manager: User, session: AsyncSession) -> None:
        office = await make_location(session)
        manager.location_id = office.id
        session.add(manager)
        await session.commit()
        for _ in range(3):
            learner = await make_user(session, location_id=office.id)
            await quiz.take(api, learner, await quiz.enroll(api, learner), quiz.wrong())
        first = (
            await api.get("/used-up-attempts", manager, params={"limit": 2, "include_total": True})
        ).json()
        query = {"limit": 2, "cursor": first["next_cursor"]}
        second = (await api.get("/used-up-attempts", manager, params=query)).json()
        assert (first["total"], second["next_cursor"]) == (3, None)
        found = {line["enrollment_id"] for line in first["items"] + second["items"]}
        assert len(found) == 3
