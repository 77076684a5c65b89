import uuid
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.errors import AppError, InvalidPayloadError, NotFoundError, PreconditionFailedError
from app.models import User
from app.schemas.content.question import QuestionCreate, QuestionUpdate
from app.schemas.content.section import SectionCreate, SectionOrder, SectionUpdate
from app.services.content.question import QuestionService
from tests.services.conftest import acting
from tests.services.content.test_module import ANY, Desk
from tests.support import RollbackDatabase

TRUE_FALSE = {"kind": "true_false", "prompt": "Wash?", "metadata": {"correct": True}}


@pytest.fixture
def desk(database: RollbackDatabase, session: AsyncSession, author: User) -> Desk:
    return Desk(database, session, author)


@pytest.fixture
def questions(database: RollbackDatabase, author: User) -> QuestionService:
    return QuestionService(database, acting(author))


async def add(desk: Desk, module: dict[str, Any], title: str, **fields: Any) -> dict[str, Any]:
    payload = SectionCreate.model_validate({"kind": "text", "title": title, **fields})
    answer = await desk.sections.create(uuid.UUID(module["id"]), payload)
    return {"etag": answer.value.etag, **answer.value.model_dump(mode="json")}


async def titles(desk: Desk, module: dict[str, Any]) -> list[str]:
    sections = (await desk.read(module["id"]))["sections"]
    assert [section["position"] for section in sections] == list(range(1, len(sections) + 1))
    return [section["title"] for section in sections]


class TestSections:
    async def test_find_their_place(self, desk: Desk) -> None:
        module = await desk.draft()
        await add(desk, module, "b")
        await add(desk, module, "d", position=99)
        await add(desk, module, "a", position=1)
        await add(desk, module, "c", position=3)
        assert await titles(desk, module) == ["a", "b", "c", "d"]

    async def test_move_and_leave(self, desk: Desk) -> None:
        module = await desk.draft()
        made = {name: await add(desk, module, name) for name in "abcd"}
        module_id = uuid.UUID(module["id"])
        move = SectionUpdate(position=1)
        await desk.sections.update(module_id, uuid.UUID(made["c"]["id"]), move, ANY)
        assert await titles(desk, module) == ["c", "a", "b", "d"]
        await desk.sections.delete(module_id, uuid.UUID(made["a"]["id"]), ANY)
        assert await titles(desk, module) == ["c", "b", "d"]

    async def test_are_reordered_all_at_once(self, desk: Desk) -> None:
        module = await desk.draft()
        ids = [uuid.UUID((await add(desk, module, name))["id"]) for name in "abc"]
        module_id = uuid.UUID(module["id"])
        order = SectionOrder(section_ids=ids[::-1])
        await desk.sections.reorder(module_id, order, ANY)
        assert await titles(desk, module) == ["c", "b", "a"]
        for wrong in (ids[:2], [*ids, ids[0]], [*ids[:2], uuid.uuid4()]):
            with pytest.raises(InvalidPayloadError):
                await desk.sections.reorder(module_id, SectionOrder(section_ids=wrong), ANY)

    async def test_bodies_are_sanitised(self, desk: Desk) -> None:
        module = await desk.draft()
        section = await add(desk, module, "a", body="<p onclick=x()>Hi<script>x()</script></p>")
        assert section["body"] == "<p>Hi</p>"
        update = SectionUpdate(body='<a href="javascript:x()">Hi</a>')
        answer = await desk.sections.update(
            uuid.UUID(module["id"]), uuid.UUID(section["id"]), update, ANY
        )
        assert "javascript" not in answer.value.body

    async def test_settings_are_checked_by_kind(self, desk: Desk) -> None:
        module = await desk.draft()
        with pytest.raises(InvalidPayloadError) as caught:
            await add(desk, module, "a", settings={"pass_mark": 80})
        errors: Any = caught.value.extra["errors"]
        assert errors[0]["pointer"] == "/settings/pass_mark"

    async def test_either_etag_proves_what_was_read(self, desk: Desk) -> None:
        module = await desk.draft()
        section = await add(desk, module, "a")
        ids = uuid.UUID(module["id"]), uuid.UUID(section["id"])
        stale = Precondition.parse(section["etag"])
        await desk.sections.update(*ids, SectionUpdate(title="b"), stale)
        with pytest.raises(PreconditionFailedError):
            await desk.sections.update(*ids, SectionUpdate(title="c"), stale)
        whole = Precondition.parse((await desk.read(module["id"]))["etag"])
        await desk.sections.update(*ids, SectionUpdate(title="c"), whole)

    async def test_belong_to_their_module(self, desk: Desk) -> None:
        module, other = await desk.draft(), await desk.draft("Other")
        section = await add(desk, other, "a")
        with pytest.raises(NotFoundError):
            await desk.sections.delete(uuid.UUID(module["id"]), uuid.UUID(section["id"]), ANY)


class TestQuestions:
    @pytest.fixture
    async def quiz(self, desk: Desk) -> tuple[uuid.UUID, uuid.UUID]:
        module = await desk.draft()
        section = await add(desk, module, "Quiz", kind="quiz")
        return uuid.UUID(module["id"]), uuid.UUID(section["id"])

    async def ask(
        self, questions: QuestionService, quiz: tuple[uuid.UUID, uuid.UUID], **fields: Any
    ) -> dict[str, Any]:
        payload = QuestionCreate.model_validate({**TRUE_FALSE, **fields})
        answer = await questions.create(*quiz, payload)
        return dict(answer.value.model_dump(mode="json"))

    async def test_keep_their_answers_for_authors(
        self, questions: QuestionService, quiz: tuple[uuid.UUID, uuid.UUID], desk: Desk
    ) -> None:
        question = await self.ask(questions, quiz, points=Decimal("1.5"), explanation="Because")
        assert (question["points"], question["metadata"]["correct"]) == (1.5, True)
        draft = await desk.read(str(quiz[0]))
        (shown,) = draft["sections"][0]["questions"]
        assert question == shown | {
            "section_etag": draft["sections"][0]["etag"],
            "module_etag": draft["etag"],
        }

    async def test_change_in_place(
        self, questions: QuestionService, quiz: tuple[uuid.UUID, uuid.UUID]
    ) -> None:
        first = await self.ask(questions, quiz)
        second = await self.ask(questions, quiz, position=1)
        update = QuestionUpdate(prompt="Rinse?", position=1)
        answer = await questions.update(*quiz, uuid.UUID(first["id"]), update, ANY)
        changed = answer.value.model_dump(mode="json")
        assert (changed["prompt"], changed["position"]) == ("Rinse?", 1)
        assert (changed["id"], changed["metadata"]) == (first["id"], first["metadata"])
        await questions.delete(*quiz, uuid.UUID(second["id"]), ANY)
        with pytest.raises(NotFoundError):
            await questions.delete(*quiz, uuid.UUID(second["id"]), ANY)

    async def test_are_checked_by_kind(
        self, questions: QuestionService, quiz: tuple[uuid.UUID, uuid.UUID]
    ) -> None:
        with pytest.raises(InvalidPayloadError) as caught:
            await self.ask(questions, quiz, metadata={"correct": "canary"})
        assert "canary" not in str(caught.value.extra)
        errors: Any = caught.value.extra["errors"]
        assert errors[0]["pointer"] == "/metadata/correct"

    async def test_are_for_quizzes_alone(self, questions: QuestionService, desk: Desk) -> None:
        module = await desk.draft()
        section = await add(desk, module, "Text")
        with pytest.raises(AppError) as caught:
            await self.ask(questions, (uuid.UUID(module["id"]), uuid.UUID(section["id"])))
        assert caught.value.code == "not_a_quiz"
