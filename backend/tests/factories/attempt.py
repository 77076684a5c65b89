"""A published quiz and a person who is enrolled in it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import ModuleSection, ModuleVersion, QuizQuestion, TrainingModule, User
from tests.factories.module import make_module, publish, quiz_section, single_choice
from tests.planting import as_owner
from tests.support import Api

ENTRIES: dict[str, tuple[dict[str, Any], Any, Any]] = {
    "single_choice": ({"options": ["a", "b", "c"], "correct": ["b"]}, "b", "c"),
    "multiple_choice": ({"options": ["a", "b", "c"], "correct": ["a", "c"]}, ["a", "c"], ["b"]),
    "true_false": ({"correct": True}, True, False),
    "short_answer": ({"accepted": ["Gloves"]}, "gloves", "shoes"),
    "numeric": ({"correct": 12.5, "tolerance": 0.5}, 12.4, 20),
    "matching": (
        {"left": ["l1", "l2"], "right": ["r1", "r2"], "pairs": {"l1": "r2", "l2": "r1"}},
        {"l1": "r2", "l2": "r1"},
        {"l1": "r1", "l2": "r2"},
    ),
    "ordering": ({"items": ["a", "b"], "correct": ["b", "a"]}, ["b", "a"], ["a", "b"]),
}
"""By kind: metadata with items by id alone, the right answer, a wrong one."""


def question(kind: str, **fields: Any) -> QuizQuestion:
    metadata = {
        name: [{"id": each, "text": f"Entry {each}"} for each in value]
        if name in {"options", "left", "right", "items"}
        else value
        for name, value in ENTRIES[kind][0].items()
    }
    return single_choice(kind=kind, prompt=f"A {kind}?", answer_metadata=metadata, **fields)


def every_kind() -> list[QuizQuestion]:
    return [question(kind) for kind in ENTRIES]


@dataclass
class Quiz:
    """A module of one quiz section, as its learners and authors address it."""

    module: TrainingModule
    section: ModuleSection
    version: ModuleVersion

    @property
    def questions(self) -> list[QuizQuestion]:
        return self.section.questions

    def right(self) -> dict[str, Any]:
        return {str(each.id): ENTRIES[each.kind][1] for each in self.questions}

    def wrong(self) -> dict[str, Any]:
        return {str(each.id): ENTRIES[each.kind][2] for each in self.questions}

    async def enroll(self, api: Api, user: User) -> str:
        response = await api.post("/enrollments", user, json={"module_id": str(self.module.id)})
        assert response.status_code in {200, 201}, response.text
        return str(response.json()["id"])

    def attempts(self, enrollment_id: str) -> str:
        return f"/enrollments/{enrollment_id}/sections/{self.section.id}/attempts"

    async def start(self, api: Api, user: User, enrollment_id: str) -> dict[str, Any]:
        response = await api.post(self.attempts(enrollment_id), user)
        assert response.status_code == 201, response.text
        attempt: dict[str, Any] = response.json()
        return attempt

    async def begin(self, api: Api, user: User) -> dict[str, Any]:
        """Enroll the person and start the first attempt."""
        return await self.start(api, user, await self.enroll(api, user))

    async def take(
        self, api: Api, user: User, enrollment_id: str, answers: dict[str, Any]
    ) -> dict[str, Any]:
        """Start an attempt and submit it with the answers; return the result."""
        attempt = await self.start(api, user, enrollment_id)
        path = f"/attempts/{attempt['id']}/submit"
        response = await api.post(path, user, json={"answers": answers})
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()
        return result


async def make_quiz(
    session: AsyncSession, database: Database, *questions: QuizQuestion, **settings: Any
) -> Quiz:
    section = quiz_section(*(questions or every_kind()), settings=settings)
    module = await make_module(session, section)
    return Quiz(module, section, await publish(database, module))


async def expire(session: AsyncSession, ago: timedelta = timedelta(minutes=1)) -> None:
    """Let the deadline of every open attempt have passed `ago`."""
    await as_owner(
        session,
        "UPDATE quiz_attempts SET expires_at = clock_timestamp() - interval"  # noqa: S608  # a number
        f" '{ago.total_seconds()} s' WHERE state = 'open'",
    )
    await session.commit()
