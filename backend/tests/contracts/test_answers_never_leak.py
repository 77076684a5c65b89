"""Answer keys, explanations and questions that are not shown reach nobody but authors."""

import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncSession
from structlog.testing import LogCapture

from app.domain.actor import Role
from app.models import QuizQuestion, User
from tests.described import without_shared_parts
from tests.factories.attempt import ENTRIES, Quiz, make_quiz, question
from tests.factories.module import single_choice
from tests.factories.user import make_location, make_user
from tests.support import Api, RollbackDatabase

pytestmark = pytest.mark.full

CANARY = "canary"
NUMBER = 73.91827
SECRETS = (CANARY, str(NUMBER), "73,91827")
KEY_FIELDS = (
    '"correct"',
    '"accepted"',
    '"tolerance"',
    '"pairs"',
    '"explanation"',
    "correct_answer",
    "result_feedback",
    "answer_feedback",
)
SPEECHES: dict[str, dict[str, Any]] = {
    "single_choice": {"options": {"b": f"{CANARY} b", "c": f"{CANARY} c"}},
    "multiple_choice": {"options": {"b": f"{CANARY} b"}, "partly_correct": f"{CANARY} half"},
    "true_false": {"options": {"false": f"{CANARY} false"}},
    "short_answer": {"answers": [{"answer": "shoes", "feedback": f"{CANARY} shoes"}]},
    "numeric": {"answers": [{"number": 20, "feedback": f"{CANARY} twenty"}]},
    "matching": {"pairs": {"l1": f"{CANARY} pair"}},
}
FIXED_VALUES = {"number": "1", "format": "gift"}


def secretive() -> list[QuizQuestion]:
    """Questions of every kind, with canaries wherever a learner must not look."""
    made = [question(kind, explanation=f"{CANARY} explains") for kind in ENTRIES]
    made[3].answer_metadata = {"accepted": [f"{CANARY} text"], "case_sensitive": False}
    made[4].answer_metadata = {"correct": NUMBER, "tolerance": 0.00001}
    for each in made:
        results = {"correct": f"{CANARY} right", "incorrect": f"{CANARY} wrong"}
        feedback = results | SPEECHES.get(each.kind, {})
        each.answer_metadata = each.answer_metadata | {"feedback": feedback}
    return made


@dataclass
class Walk:
    """Collects all responses to people who may not see the answers."""

    api: Api
    quiz: Quiz
    ids: dict[str, str]
    told: list[str] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)

    async def ask(
        self, user: User | None, method: str, path: str, **arguments: Any
    ) -> httpx.Response:
        response = await self.api.request(method, path, user, **arguments)
        self.told.append(f"{method} {path}\n{response.headers}\n{response.text}")
        self.statuses.add(response.status_code)
        return response

    async def read_everything(self, *users: User | None) -> int:
        """Read every address that OpenAPI lists, as each of the users; return how many."""
        document = without_shared_parts((await self.api.client.get("/openapi.json")).json())
        paths = [path for path, methods in document["paths"].items() if "get" in methods]
        for path in paths:
            url = path.removeprefix(self.api.base)
            operation = document["paths"][path]["get"]
            for parameter in operation.get("parameters", ()):
                value = self._value(parameter["name"])
                if parameter["in"] == "path":
                    url = url.replace(f"{{{parameter['name']}}}", value)
                elif parameter["in"] == "query" and parameter.get("required"):
                    url += f"{'&' if '?' in url else '?'}{parameter['name']}={value}"
            for user in users:
                await self.ask(user, "GET", url)
        return len(paths)

    def _value(self, name: str) -> str:
        return self.ids.get(name) or FIXED_VALUES.get(name) or str(uuid.uuid4())

    def leaks(self) -> list[str]:
        return [text for text in self.told if any(secret in text for secret in SECRETS)]

    def key_fields(self) -> set[str]:
        return {name for name in KEY_FIELDS for text in self.told if name in text}


@pytest.fixture
def log() -> Iterator[LogCapture]:
    """Collect what the application logs, whatever the test run does with logs."""
    capture = LogCapture()
    configured = structlog.get_config()
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, capture])
    yield capture
    structlog.configure(**configured)


@pytest.fixture
async def people(session: AsyncSession) -> tuple[User, User, User]:
    """Return a learner, the learner's manager and somebody else."""
    office = await make_location(session)
    learner = await make_user(session, location_id=office.id)
    manager = await make_user(session, location_id=office.id, role=Role.MANAGER)
    return learner, manager, await make_user(session)


@pytest.fixture
async def walk(
    api: Api, session: AsyncSession, database: RollbackDatabase, people: tuple[User, User, User]
) -> Walk:
    quiz = await make_quiz(session, database, *secretive(), max_attempts=3, time_limit_seconds=600)
    learner, *_ = people
    enrollment_id = await quiz.enroll(api, learner)
    ids = {
        "module_id": str(quiz.module.id),
        "section_id": str(quiz.section.id),
        "question_id": str(quiz.questions[0].id),
        "enrollment_id": enrollment_id,
        "user_id": str(learner.id),
    }
    return Walk(api, quiz, ids)


async def test_nothing_is_told_before_the_policy_allows_it(
    walk: Walk,
    people: tuple[User, User, User],
    author: User,
    log: LogCapture,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    learner, manager, stranger = people
    everybody = (learner, manager, stranger, None)
    attempts = walk.quiz.attempts(walk.ids["enrollment_id"])
    assert await walk.read_everything(*everybody) > 20

    started = await walk.ask(learner, "POST", attempts)
    attempt = f"/attempts/{started.json()['id']}"
    walk.ids["attempt_id"] = started.json()["id"]
    for user in everybody:
        await walk.ask(user, "POST", attempts)
        for answers in (walk.quiz.wrong(), _malformed(walk.quiz), {str(uuid.uuid4()): "x"}):
            await walk.ask(user, "PUT", f"{attempt}/answers", json={"answers": answers})
        await walk.ask(user, "PUT", f"{attempt}/answers", content=b'{"answers": ')
        await walk.ask(user, "POST", f"{attempt}/submit", json={"answers": _malformed(walk.quiz)})
    await walk.read_everything(*everybody)

    await _correct(walk, author)
    for user in everybody:
        await walk.ask(user, "POST", f"{attempt}/submit")
        await walk.ask(user, "PUT", f"{attempt}/answers", json={"answers": walk.quiz.wrong()})
    await walk.read_everything(*everybody)
    await walk.ask(learner, "POST", attempts)

    assert walk.leaks() == []
    assert walk.key_fields() == set()
    assert {200, 201, 401, 403, 404, 409, 422} <= walk.statuses
    assert len(log.entries) > 100
    assert not any(secret in str(log.entries) + caplog.text for secret in SECRETS)


async def test_the_same_walk_finds_what_the_policy_allows(
    walk: Walk, people: tuple[User, User, User], author: User
) -> None:
    learner, manager, _ = people
    right = walk.quiz.right() | {
        str(walk.quiz.questions[3].id): f"{CANARY} text",
        str(walk.quiz.questions[4].id): NUMBER,
    }
    result = await walk.quiz.take(walk.api, learner, walk.ids["enrollment_id"], right)
    assert result["passed"] is True
    walk.ids["attempt_id"] = result["id"]
    await walk.read_everything(manager)
    assert walk.leaks() == []
    await walk.read_everything(learner)
    (leak,) = walk.leaks()
    assert leak.startswith(f"GET /attempts/{result['id']}")
    await walk.read_everything(author)
    assert len(walk.leaks()) > 2


async def test_questions_of_a_pool_that_were_not_drawn(
    api: Api, session: AsyncSession, database: RollbackDatabase, people: tuple[User, User, User]
) -> None:
    learner, manager, stranger = people
    pool = [single_choice(prompt=f"Number {number} of the pool?") for number in range(12)]
    quiz = await make_quiz(session, database, *pool, draw=2, feedback="after_attempt")
    enrollment_id = await quiz.enroll(api, learner)
    walk = Walk(api, quiz, {"module_id": str(quiz.module.id), "enrollment_id": enrollment_id})
    walk.ids["section_id"] = str(quiz.section.id)
    shown: set[str] = set()
    for _ in range(3):
        attempt = (await walk.ask(learner, "POST", quiz.attempts(enrollment_id))).json()
        walk.ids["attempt_id"] = attempt["id"]
        shown |= {each["id"] for each in attempt["questions"]}
        await walk.read_everything(learner, manager, stranger, None)
        await walk.ask(learner, "POST", f"/attempts/{attempt['id']}/submit")
    hidden = [each for each in pool if str(each.id) not in shown]
    assert len(hidden) >= 6
    for each in hidden:
        assert not any(str(each.id) in text or each.prompt in text for text in walk.told)


def _malformed(quiz: Quiz) -> dict[str, Any]:
    """Return malformed answers, so that the text of every refusal is looked at too."""
    return {str(each.id): {"neither": ["fish"]} for each in quiz.questions}


async def _correct(walk: Walk, author: User) -> None:
    payload = {
        "section_id": walk.ids["section_id"],
        "question_id": str(walk.quiz.questions[3].id),
        "kind": "accept",
        "answer": f"{CANARY} too",
        "note": f"{CANARY} note",
    }
    path = f"/modules/{walk.ids['module_id']}/versions/1/corrections"
    response = await walk.api.post(path, author, json=payload)
    assert response.status_code == httpx.codes.CREATED
