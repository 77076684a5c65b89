"""What the services for modules, sections and questions share.

Every edit of a module or of its parts locks the module's row, so that concurrent edits wait for
each other, and counts up the module's revision.
"""

import uuid
from collections.abc import Sequence
from typing import Protocol, TypeVar

from pydantic import ValidationError

from app.core.errors import InvalidPayloadError, NotFoundError
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.publishing import faults
from app.models import ModuleSection, QuizQuestion, TrainingModule
from app.services.base import Service, found
from app.services.unit_of_work import UnitOfWork


class Positioned(Protocol):
    position: int


P = TypeVar("P", bound=Positioned)


class AuthoringService(Service):
    async def locked(self, uow: UnitOfWork, module_id: uuid.UUID) -> TrainingModule:
        return found(await uow.modules.not_deleted(module_id, lock=True), "module")


async def save_draft(uow: UnitOfWork, module: TrainingModule) -> None:
    """Write the changes of a draft and of its parts as one edit of the module."""
    module.draft_sha256 = draft_of(module).sha256()
    await uow.modules.save(module)


async def save_part(
    uow: UnitOfWork, module: TrainingModule, section: ModuleSection | None = None
) -> None:
    """Write a changed part; it counts as an edit of what it is a part of, up to the module."""
    if section is not None:
        section.touch()
    module.touch()
    await save_draft(uow, module)


async def take_out(
    uow: UnitOfWork, owner: TrainingModule | ModuleSection, part: ModuleSection | QuizQuestion
) -> None:
    """Delete a part so that it can be restored. It keeps its position, the others keep theirs."""
    part.deleted_at = await uow.now()
    await uow.modules.read_parts(owner)


async def put_back(
    uow: UnitOfWork, owner: TrainingModule | ModuleSection, part: ModuleSection | QuizQuestion
) -> None:
    """Make a deleted part one of its owner's parts again, wherever in their order."""
    part.deleted_at = None
    await uow.modules.read_parts(owner)


def draft_of(module: TrainingModule) -> ModuleDraft:
    return ModuleDraft(
        id=module.id,
        slug=module.slug,
        title=module.title,
        summary=module.summary,
        category=module.category,
        tags=module.tags,
        language=module.language,
        estimated_minutes=module.estimated_minutes,
        sections=[
            SectionDraft(
                id=section.id,
                kind=section.kind,
                title=section.title,
                position=section.position,
                body=section.body,
                required=section.required,
                settings=section.settings,
                states=section.states,
                questions=[question_draft(question) for question in section.questions],
            )
            for section in module.sections
        ],
    )


def question_draft(question: QuizQuestion) -> QuestionDraft:
    return QuestionDraft(
        id=question.id,
        kind=question.kind,
        prompt=question.prompt,
        points=question.points,
        metadata=question.answer_metadata,
        explanation=question.explanation,
        name=question.name,
        category=question.category,
        tags=question.tags or (),
        picture=question.picture,
    )


def section_of(module: TrainingModule, section_id: uuid.UUID) -> ModuleSection:
    for section in module.sections:
        if section.id == section_id:
            return section
    raise NotFoundError("section")


def question_of(section: ModuleSection, question_id: uuid.UUID) -> QuizQuestion:
    for question in section.questions:
        if question.id == question_id:
            return question
    raise NotFoundError("question")


def copy_of_section(section: ModuleSection) -> ModuleSection:
    """Return a new section of the same content, with new questions."""
    return ModuleSection(
        id=new_id(),
        kind=section.kind,
        title=section.title,
        body=section.body,
        required=section.required,
        settings=dict(section.settings),
        states=list(section.states),
        position=section.position,
        questions=[copy_of_question(question) for question in section.questions],
    )


def copy_of_question(question: QuizQuestion) -> QuizQuestion:
    """Return a new question with the same answers. Ids of options hold within a question only."""
    return QuizQuestion(
        id=new_id(),
        kind=question.kind,
        prompt=question.prompt,
        points=question.points,
        answer_metadata=dict(question.answer_metadata),
        explanation=question.explanation,
        name=question.name,
        category=question.category,
        tags=list(question.tags),
        picture=question.picture,
        position=question.position,
    )


async def audit_copies(uow: UnitOfWork, sections: Sequence[ModuleSection]) -> None:
    """Add the events of new sections and of their questions."""
    await uow.audit_many(
        AuditAction.SECTION_CREATED,
        [(each.id, None, _created_section(each)) for each in sections],
    )
    await uow.audit_many(
        AuditAction.QUESTION_CREATED,
        [
            (question.id, None, {"section_id": section.id, "kind": question.kind})
            for section in sections
            for question in section.questions
        ],
    )


def _created_section(section: ModuleSection) -> dict[str, object]:
    return {"module_id": section.module_id, "kind": section.kind, "title": section.title}


def renumber(parts: Sequence[Positioned]) -> None:
    """Count positions from 1, touching only the rows that move."""
    for position, part in enumerate(parts, start=1):
        if part.position != position:
            part.position = position


def place(parts: list[P], part: P, position: int | None) -> None:
    """Put a part where it is wanted, counted from 1; None or too far means at the end."""
    if part in parts:
        parts.remove(part)
    parts.insert(len(parts) if position is None else position - 1, part)
    renumber(parts)


def invalid(error: ValidationError, pointer: str = "", *, skip: int = 0) -> InvalidPayloadError:
    return InvalidPayloadError(faults(error, pointer, skip=skip))
