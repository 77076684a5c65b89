"""Imports and exports question banks.

Either all questions of a file are imported or none, unless the author wants those skipped that
cannot be imported.
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from app.core.errors import FieldError, InvalidPayloadError
from app.core.ids import new_id
from app.domain.audit import AuditAction
from app.domain.content.media.use import below
from app.domain.content.question_bank import BankFormat, OnUnsupported
from app.domain.content.quiz.questions import Question, parse_question
from app.integrations.question_bank.bank import (
    NAME_LENGTH,
    Exported,
    Imported,
    Problem,
    meaning,
)
from app.integrations.question_bank.formats import CODECS
from app.models import ModuleSection, QuizQuestion, TrainingModule
from app.schemas.content.exchange import ExportReport, ImportReport, NotCarriedRead, ProblemRead
from app.services.answer import Answer
from app.services.base import found
from app.services.content.authoring import AuthoringService, save_part
from app.services.content.media_use import media_faults
from app.services.content.question import assign, authored, media_of_parsed, quiz_of
from app.services.unit_of_work import UnitOfWork


class ImportRefusedError(InvalidPayloadError):
    code = "import_refused"
    title = "Some questions cannot be carried, so none was imported"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(
            [
                FieldError(f"line:{problem.line}", problem.code, problem.detail)
                for problem in problems
                if problem.skipped
            ]
        )


@dataclass(frozen=True, slots=True)
class BankFile:
    """A file to import, and what to do with questions that cannot be imported."""

    bank_format: BankFormat
    content: bytes
    on_unsupported: OnUnsupported = OnUnsupported.REFUSE


@dataclass(slots=True)
class Merge:
    """What an import means for a section: known ids are changed in place, others are added."""

    created: list[Question] = field(default_factory=list)
    updated: list[tuple[QuizQuestion, Question]] = field(default_factory=list)
    unchanged: int = 0
    problems: list[Problem] = field(default_factory=list)
    unreadable: bool = False

    def may_be_taken(self, on_unsupported: OnUnsupported) -> bool:
        skips = any(problem.skipped for problem in self.problems)
        return not self.unreadable and (not skips or on_unsupported is OnUnsupported.SKIP)


class ExchangeService(AuthoringService):
    async def export(
        self, module_id: uuid.UUID, section_id: uuid.UUID, bank_format: BankFormat
    ) -> Exported:
        """Write the draft's questions; the answers are in it, so it is for authors only."""
        _, exported = await self._written(module_id, section_id, bank_format)
        return exported

    async def export_report(
        self, module_id: uuid.UUID, section_id: uuid.UUID, bank_format: BankFormat
    ) -> ExportReport:
        """Report which questions or parts of them the format cannot carry."""
        asked, exported = await self._written(module_id, section_id, bank_format)
        return ExportReport(
            format=bank_format,
            exported=asked - len(exported.not_carried),
            not_carried=[NotCarriedRead.model_validate(each) for each in exported.not_carried],
        )

    async def _written(
        self, module_id: uuid.UUID, section_id: uuid.UUID, bank_format: BankFormat
    ) -> tuple[int, Exported]:
        """Return how many questions there are, and what became of them."""
        async with self.reading() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
            section = quiz_of(module, section_id)
            questions = [_question(row) for row in section.questions]
        return len(questions), await asyncio.to_thread(CODECS[bank_format].write, questions)

    async def import_bank(
        self,
        module_id: uuid.UUID,
        section_id: uuid.UUID,
        file: BankFile,
        *,
        dry_run: bool,
    ) -> Answer[ImportReport]:
        # In a thread, because parsing a file of a megabyte would block all other requests
        # noticeably.
        imported = await asyncio.to_thread(CODECS[file.bank_format].parse, file.content, new_id)
        async with self.work() as uow:
            module = await self.locked(uow, module_id)
            section = quiz_of(module, section_id)
            merge = await _merge(uow, section, imported)
            if not dry_run:
                if not merge.may_be_taken(file.on_unsupported):
                    raise ImportRefusedError(merge.problems)
                await _take(uow, module, section, merge)
            report = ImportReport(
                **_counts(imported, merge),
                format=file.bank_format,
                dry_run=dry_run,
                module_etag=module.etag,
                section_etag=section.etag,
            )
            return await uow.answer(Answer(report))


def _question(row: QuizQuestion) -> Question:
    return parse_question({"id": row.id, **authored(row)})


async def _merge(uow: UnitOfWork, section: ModuleSection, imported: Imported) -> Merge:
    merge = Merge(problems=list(imported.problems), unreadable=imported.unreadable)
    if not imported.found and not merge.problems:
        merge.unreadable = True
        merge.problems.append(Problem(1, "no_questions", "There is no question in the file."))
    known = {row.id: row for row in section.questions}
    ids = [question.id for question in imported.questions]
    outside = await uow.questions.ids_outside(section.id, ids)
    unusable = await _unusable_pictures(uow, imported)
    for question in imported.questions:
        row = known.get(question.id)
        if row is not None and row.kind != question.kind:
            detail = "A question keeps its kind; leave out its id to add another one."
            merge.problems.append(_problem(imported, question, "kind_changed", detail))
        elif row is not None and meaning(_question(row)) == meaning(question):
            merge.unchanged += 1
        elif fault := unusable.get(str(question.id)):
            merge.problems.append(_problem(imported, question, fault.code, fault.detail))
        elif row is not None:
            merge.updated.append((row, question))
        else:
            # The id belongs to a question of another section. The imported copy gets an id of its
            # own.
            fresh = question.id in outside
            merge.created.append(
                question.model_copy(update={"id": new_id()}) if fresh else question
            )
    return merge


async def _unusable_pictures(uow: UnitOfWork, imported: Imported) -> dict[str, FieldError]:
    """Return, by the id of a question, what is wrong with a file that it names."""
    named = (below(str(question.id), media_of_parsed(question)) for question in imported.questions)
    faults = await media_faults(uow, chain.from_iterable(named))
    return {fault.pointer.partition("/")[0]: fault for fault in faults}


def _problem(imported: Imported, question: Question, code: str, detail: str) -> Problem:
    name = (question.name or question.prompt)[:NAME_LENGTH]
    return Problem(imported.lines[question.id], code, detail, name=name)


async def _take(
    uow: UnitOfWork, module: TrainingModule, section: ModuleSection, merge: Merge
) -> None:
    for row, question in merge.updated:
        assign(row, question)
    deleted = await uow.questions.deleted_of(section.id) if merge.created else {}
    for question in merge.created:
        # A question that was deleted from this section comes back under its id.
        row = deleted.get(question.id) or QuizQuestion(id=question.id)
        row.deleted_at = None
        row.position = len(section.questions) + 1
        assign(row, question)
        section.questions.append(row)
    if merge.created or merge.updated:
        await save_part(uow, module, section)
        after = {
            "created": len(merge.created),
            "updated": len(merge.updated),
            "skipped": sum(problem.skipped for problem in merge.problems),
        }
        await uow.audit(AuditAction.QUESTIONS_IMPORTED, section, after=after)


def _counts(imported: Imported, merge: Merge) -> dict[str, Any]:
    return {
        "found": imported.found,
        "carried": imported.carried,
        "created": len(merge.created),
        "updated": len(merge.updated),
        "unchanged": merge.unchanged,
        "problems": [ProblemRead.model_validate(problem) for problem in merge.problems],
    }
