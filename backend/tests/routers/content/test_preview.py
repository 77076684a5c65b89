"""Drafts as their learners would see them, and that nothing comes of it."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base
from app.models import ModuleSection, QuizQuestion, TrainingModule, User
from tests.factories.module import make_module, quiz_section, single_choice, text_section
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api

CANARY = "canary-explanation"
PLAIN = {"shuffle": False, "max_attempts": 2}


def question(prompt: str = "Which bin?", **fields: Any) -> QuizQuestion:
    return single_choice(prompt=prompt, explanation=CANARY, **fields)


async def quiz_of(session: AsyncSession, *questions: QuizQuestion, **settings: Any) -> str:
    """Make a draft with a quiz; return the address of attempts at it."""
    quiz = quiz_section(*questions, settings=PLAIN | settings)
    module = await make_module(session, text_section(), quiz)
    return address(module, quiz)


def address(module: TrainingModule, quiz: ModuleSection) -> str:
    return f"/modules/{module.id}/preview/sections/{quiz.id}/attempts"


async def start(api: Api, author: User, path: str, **body: Any) -> Any:
    response = await api.post(path, author, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def submit(api: Api, author: User, path: str, answer: str, **body: Any) -> Any:
    """Give one answer to all questions of an attempt."""
    attempt = await start(api, author, path, **body)
    answers = {each["id"]: answer for each in attempt["questions"]}
    sent = {"seed": attempt["seed"], "answers": answers, **body}
    response = await api.post(f"{path}/submit", author, json=sent)
    assert response.status_code == 200, response.text
    return response.json()


async def rows(session: AsyncSession) -> dict[str, int]:
    """Count the rows of every table."""
    return {
        name: await session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in Base.metadata.tables.items()
    }


class TestContent:
    async def test_anonymous(self, api: Api, session: AsyncSession) -> None:
        module = await make_module(session)
        assert_anonymous(await api.get(f"/modules/{module.id}/preview"))

    async def test_only_those_who_may_edit_it(
        self, api: Api, learner: User, manager: User, session: AsyncSession
    ) -> None:
        module = await make_module(session)
        for user in (learner, manager):
            response = await api.get(f"/modules/{module.id}/preview", user)
            assert_problem(response, 403, "forbidden")

    async def test_is_what_learners_will_get(
        self, api: Api, author: User, learner: User, session: AsyncSession
    ) -> None:
        module = await make_module(session, text_section(), quiz_section(question()))
        preview = await api.get(f"/modules/{module.id}/preview", author)
        assert CANARY not in preview.text
        assert (await api.post(f"/modules/{module.id}/publish", author)).is_success
        enrolled = await api.post("/enrollments", learner, json={"module_id": str(module.id)})
        content = await api.get(f"/enrollments/{enrolled.json()['id']}/content", learner)
        assert preview.content == content.content

    async def test_shows_what_cannot_be_published_yet(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        video = ModuleSection(kind="video", title="Film to come", questions=[])
        empty = ModuleSection(kind="text", title="Text to come", questions=[])
        module = await make_module(session, video, empty)
        shown = (await api.get(f"/modules/{module.id}/preview", author)).json()
        assert [each["kind"] for each in shown["sections"]] == ["video", "text"]

    async def test_says_why_it_cannot_be_shown(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        broken = ModuleSection(
            kind="video", title="Film", questions=[], settings={"url": "http://plain.example"}
        )
        module = await make_module(session, broken)
        response = await api.get(f"/modules/{module.id}/preview", author)
        assert_problem(response, 422, "module_not_publishable")
        assert ("/sections/0/settings/url", "unsafe_url") in pointers(response)


class TestAttempt:
    async def test_anonymous(self, api: Api, session: AsyncSession) -> None:
        assert_anonymous(await api.post(await quiz_of(session)))

    async def test_only_those_who_may_edit_it(
        self, api: Api, learner: User, manager: User, session: AsyncSession
    ) -> None:
        path = await quiz_of(session)
        for user in (learner, manager):
            assert_problem(await api.post(path, user), 403, "forbidden")

    async def test_shows_what_learners_are_shown(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        path = await quiz_of(session, question(), question("Which cap?"), time_limit_seconds=60)
        response = await api.post(path, author)
        attempt = response.json()
        assert CANARY not in response.text
        assert "correct" not in response.text
        assert [each["prompt"] for each in attempt["questions"]] == ["Which bin?", "Which cap?"]
        assert (attempt["state"], attempt["number"], attempt["answers"]) == ("open", 1, {})
        assert attempt["expires_at"] > attempt["started_at"] == attempt["server_time"]

    async def test_draws_anew_each_time(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        pool = [question(f"Number {number}?") for number in range(12)]
        path = await quiz_of(session, *pool, draw=6, shuffle=True)
        drawn = [await start(api, author, path) for _ in range(4)]
        orders = {tuple(each["id"] for each in attempt["questions"]) for attempt in drawn}
        assert {len(order) for order in orders} == {6}
        assert len(orders) > 1
        assert len({attempt["seed"] for attempt in drawn}) == 4

    async def test_other_sections_have_none(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        module = await make_module(session)
        response = await api.post(address(module, module.sections[0]), author)
        assert_problem(response, 409, "not_a_quiz")


class TestResult:
    async def test_anonymous(self, api: Api, session: AsyncSession) -> None:
        assert_anonymous(await api.post(f"{await quiz_of(session)}/submit"))

    async def test_only_those_who_may_edit_it(
        self, api: Api, learner: User, session: AsyncSession
    ) -> None:
        path = await quiz_of(session)
        response = await api.post(f"{path}/submit", learner, json={"seed": "0" * 32})
        assert_problem(response, 403, "forbidden")

    @pytest.mark.parametrize(("answer", "score"), [("a", 100), ("b", 0)])
    async def test_is_graded(
        self, api: Api, author: User, session: AsyncSession, answer: str, score: int
    ) -> None:
        path = await quiz_of(session, question(), question("Which cap?", points=2))
        result = await submit(api, author, path, answer)
        assert (result["state"], result["score_percent"], result["passed"]) == (
            "graded",
            score,
            score == 100,
        )
        assert (result["points"], result["max_points"]) == (3 * score / 100, 3)

    async def test_grades_what_was_drawn(
        self, api: Api, author: User, session: AsyncSession
    ) -> None:
        pool = [question(f"Number {number}?") for number in range(12)]
        path = await quiz_of(session, *pool, draw=3, shuffle=True)
        result = await submit(api, author, path, "a")
        assert (result["max_points"], result["passed"]) == (3, True)

    @pytest.mark.parametrize(
        ("policy", "number", "answer", "explained", "answered"),
        [
            ("never", 1, "a", False, False),
            ("after_pass", 1, "b", False, False),
            ("after_pass", 1, "a", True, True),
            ("after_attempt", 1, "b", True, False),
            ("after_attempt", 2, "b", True, True),
        ],
    )
    async def test_feedback_is_what_a_learner_gets(  # noqa: PLR0913, PLR0917  # one for each column of the table
        self,
        api: Api,
        author: User,
        session: AsyncSession,
        policy: str,
        number: int,
        answer: str,
        explained: bool,  # noqa: FBT001  # a column of the table
        answered: bool,  # noqa: FBT001  # a column of the table
    ) -> None:
        path = await quiz_of(session, question(), feedback=policy)
        result = await submit(api, author, path, answer, number=number)
        assert (CANARY in str(result)) is explained
        told = result.get("feedback", {}).get("questions", [{}])[0]
        assert (told.get("correct_answer") == "a") is answered
        assert result["attempts_left"] == (0 if answer == "a" else 2 - number)

    async def test_malformed_answers(self, api: Api, author: User, session: AsyncSession) -> None:
        asked = question()
        path = await quiz_of(session, asked)
        body = {"seed": "0" * 32, "answers": {str(asked.id): "z"}}
        response = await api.post(f"{path}/submit", author, json=body)
        assert_problem(response, 422, "invalid_answers")

    async def test_a_seed_of_ones_own(self, api: Api, author: User, session: AsyncSession) -> None:
        path = await quiz_of(session)
        response = await api.post(f"{path}/submit", author, json={"seed": "me\nagain"})
        assert pointers(response) == [("/seed", "string_pattern_mismatch")]


async def test_leaves_no_trace(api: Api, author: User, session: AsyncSession) -> None:
    """Not a row in any table: no enrollment, no attempt, no event, no kept answer."""
    quiz = quiz_section(question(), settings=PLAIN)
    module = await make_module(session, text_section(), quiz)
    assert (await api.get("/users/me", author)).is_success
    before = await rows(session)
    assert (await api.get(f"/modules/{module.id}/preview", author)).is_success
    path = address(module, quiz)
    for answer in ("b", "a"):
        await submit(api, author, path, answer)
    assert await rows(session) == before
    key = {"Idempotency-Key": "preview-1"}
    first, again = [await api.post(path, author, json={}, headers=key) for _ in range(2)]
    assert first.json()["seed"] == again.json()["seed"]
    kept = before["idempotency_keys"] + 1
    assert await rows(session) == before | {"idempotency_keys": kept}
    assert {"enrollments", "quiz_attempts", "audit_events", "section_progress"} < before.keys()
    assert sum(before.values()) > 0
