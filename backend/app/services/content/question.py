"""The questions of a quiz section's draft, with their answers: for authors only."""

import uuid
from collections.abc import Iterator
from itertools import chain
from typing import Any

from pydantic import MISSING, ValidationError

from app.core.concurrency import Precondition
from app.core.errors import ConflictError
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.content.media.use import NamedMedia, below, media_of_question
from app.domain.content.quiz.questions import Question, answer_key, parse_question
from app.domain.content.section_kind import rules_of
from app.models import ModuleSection, QuizQuestion, TrainingModule
from app.schemas.base import ListOf
from app.schemas.content.question import (
    ChangedQuiz,
    QuestionCreate,
    QuestionRead,
    QuestionsCreate,
    QuestionUpdate,
)
from app.services.answer import Answer
from app.services.base import found
from app.services.content.authoring import (
    AuthoringService,
    copy_of_question,
    invalid,
    place,
    put_back,
    question_of,
    renumber,
    save_part,
    section_of,
    take_out,
)
from app.services.content.media_use import refuse_unusable_media

AUTHORED = ("prompt", "points", "metadata", "explanation", "name", "category", "tags", "picture")


class QuestionExistsError(ConflictError):
    code = "question_exists"
    title = "A question with this id was made meanwhile"


class NotAQuizError(ConflictError):
    code = "not_a_quiz"
    title = "Only quiz sections have questions"


class QuestionService(AuthoringService):
    async def get(
        self, module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID
    ) -> Answer[QuestionRead]:
        async with self.reading() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
            section = section_of(module, section_id)
            return _answer(module, section, question_of(section, question_id))

    async def create(
        self, module_id: uuid.UUID, section_id: uuid.UUID, payload: QuestionCreate
    ) -> Answer[QuestionRead]:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = quiz_of(module, section_id)
            question = _new(payload)
            await refuse_unusable_media(uow, _media_of(question))
            place(section.questions, question, payload.position)
            await save_part(uow, module, section)
            after = {"section_id": section.id, "kind": question.kind}
            await uow.audit(AuditAction.QUESTION_CREATED, question, after=after)
            return await uow.answer(_answer(module, section, question, created=True))

    async def create_many(
        self, module_id: uuid.UUID, section_id: uuid.UUID, payload: QuestionsCreate
    ) -> Answer[ListOf[QuestionRead]]:
        """Add all questions at the end, or none if one cannot be added."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = quiz_of(module, section_id)
            questions = [_new(item, f"/items/{n}") for n, item in enumerate(payload.items)]
            listed = (below(f"/items/{n}", _media_of(each)) for n, each in enumerate(questions))
            await refuse_unusable_media(uow, chain.from_iterable(listed))
            section.questions.extend(questions)
            renumber(section.questions)
            await save_part(uow, module, section)
            after = {"section_id": section.id}
            changes = [(each.id, None, after | {"kind": each.kind}) for each in questions]
            await uow.audit_many(AuditAction.QUESTION_CREATED, changes)
            items = [QuestionRead.of(question, section, module) for question in questions]
            return await uow.answer(Answer(ListOf(items=items), created=True))

    async def duplicate(
        self, module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID
    ) -> Answer[QuestionRead]:
        """Copy a question to the place after it."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            source = question_of(section, question_id)
            question = copy_of_question(source)
            place(section.questions, question, source.position + 1)
            await save_part(uow, module, section)
            after = {"section_id": section.id, "kind": question.kind, "copy_of": source.id}
            await uow.audit(AuditAction.QUESTION_CREATED, question, after=after)
            return await uow.answer(_answer(module, section, question, created=True))

    async def update(
        self,
        module_id: uuid.UUID,
        section_id: uuid.UUID,
        question_id: uuid.UUID,
        payload: QuestionUpdate,
        precondition: Precondition,
    ) -> Answer[QuestionRead]:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            question = question_of(section, question_id)
            precondition.require(question.etag, section.etag, module.etag)
            sent = payload.model_dump(include=set(AUTHORED))
            changed = _parsed(question.id, authored(question) | sent)
            # Checked before the row is changed, which SQLAlchemy would write before the query.
            await refuse_unusable_media(uow, media_of_parsed(changed))
            assign(question, changed)
            if payload.position is not MISSING:
                place(section.questions, question, payload.position)
            await save_part(uow, module, section)
            # The audit trail only names the changed fields. The answers must not be readable there.
            after = {"section_id": section.id, "changed": sorted(payload.model_dump())}
            await uow.audit(AuditAction.QUESTION_UPDATED, question, after=after)
            return _answer(module, section, question)

    async def delete(
        self,
        module_id: uuid.UUID,
        section_id: uuid.UUID,
        question_id: uuid.UUID,
        precondition: Precondition,
    ) -> ChangedQuiz:
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            question = question_of(section, question_id)
            precondition.require(question.etag, section.etag, module.etag)
            await take_out(uow, section, question)
            renumber(section.questions)
            await save_part(uow, module, section)
            before = {"section_id": section.id, "kind": question.kind}
            await uow.audit(AuditAction.QUESTION_DELETED, question, before=before)
            return ChangedQuiz(module_etag=module.etag, section_etag=section.etag)

    async def restore(
        self, module_id: uuid.UUID, section_id: uuid.UUID, question_id: uuid.UUID
    ) -> Answer[QuestionRead]:
        """Undo a deletion, to the place that the question had."""
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = section_of(module, section_id)
            deleted = await uow.questions.restorable_of([section_id])
            for question in deleted:
                if question.id == question_id:
                    position = question.position
                    await put_back(uow, section, question)
                    place(section.questions, question, position)
                    await save_part(uow, module, section)
                    after = {"section_id": section.id, "kind": question.kind}
                    await uow.audit(AuditAction.QUESTION_RESTORED, question, after=after)
            return await uow.answer(_answer(module, section, question_of(section, question_id)))


def quiz_of(module: TrainingModule, section_id: uuid.UUID) -> ModuleSection:
    section = section_of(module, section_id)
    if not rules_of(section.kind).has_questions:
        raise NotAQuizError
    return section


def authored(question: QuizQuestion) -> dict[str, Any]:
    """Return the fields of a question that an author writes, as `parse_question` reads them."""
    return {
        "kind": question.kind,
        "prompt": question.prompt,
        "points": question.points,
        "metadata": question.answer_metadata,
        "explanation": question.explanation,
        "name": question.name,
        "category": question.category,
        "tags": question.tags or (),
        "picture": question.picture,
    }


def _new(payload: QuestionCreate, pointer: str = "") -> QuizQuestion:
    question = QuizQuestion(id=new_id(), position=0)
    assign(question, _parsed(question.id, payload.model_dump(exclude={"position"}), pointer))
    return question


def _parsed(question_id: uuid.UUID, fields: dict[str, Any], pointer: str = "") -> Question:
    try:
        return parse_question({"id": question_id, **fields})
    except ValidationError as error:
        # Pydantic's location starts with the kind, which chose the member of the union; it is no
        # field.
        raise invalid(error, pointer, skip=1) from None


def assign(question: QuizQuestion, parsed: Question) -> None:
    question.kind = parsed.kind
    question.prompt = parsed.prompt
    question.points = parsed.points
    question.answer_metadata = parsed.metadata.as_json()
    question.explanation = parsed.explanation
    question.name = parsed.name
    question.category = parsed.category
    question.tags = list(parsed.tags)
    question.picture = parsed.picture.as_json() if parsed.picture else None


def media_of_parsed(question: Question) -> Iterator[NamedMedia]:
    raw = answer_key(question)
    return media_of_question(raw.get("picture"), raw["metadata"])


def _media_of(question: QuizQuestion) -> Iterator[NamedMedia]:
    return media_of_question(question.picture, question.answer_metadata)


def _answer(
    module: TrainingModule,
    section: ModuleSection,
    question: QuizQuestion,
    *,
    created: bool = False,
) -> Answer[QuestionRead]:
    return Answer(QuestionRead.of(question, section, module), created)
