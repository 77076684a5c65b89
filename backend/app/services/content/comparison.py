"""What differs between versions of a module, or between one and the draft: for authors."""

import asyncio
import uuid
from typing import Any

from app.domain.content.comparison import Comparison, Parts, compare
from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.publishing import read_back
from app.models import TrainingModule
from app.schemas.content.comparison import ModuleComparison, QuestionChanges, SectionChanges
from app.services.base import Service, found
from app.services.content.authoring import draft_of
from app.services.unit_of_work import UnitOfWork


class ComparisonService(Service):
    async def compare(
        self, module_id: uuid.UUID, before: int | None, after: int | None
    ) -> ModuleComparison:
        """Compare two versions by their numbers: by default the current one with the draft."""
        async with self.snapshot() as uow:
            module = found(await uow.modules.not_deleted(module_id), "module")
            number = before or await _current_number(uow, module)
            old = await _version(uow, module_id, number)
            new = draft_of(module) if after is None else await _version(uow, module_id, after)
        compared = await asyncio.to_thread(compare, old, new)
        return _read(number, after, compared)


async def _current_number(uow: UnitOfWork, module: TrainingModule) -> int:
    card = found(await uow.modules.card(module.id, author=True), "module")
    return found(card.current_version, "version")


async def _version(uow: UnitOfWork, module_id: uuid.UUID, number: int) -> ModuleDraft:
    version = found(await uow.versions.numbered(module_id, number), "version")
    return read_back(version.content, await uow.versions.answer_keys(version.id))


def _read(before: int, after: int | None, compared: Comparison) -> ModuleComparison:
    questions: dict[str, list[dict[str, Any]]] = {name: [] for name in QuestionChanges.model_fields}
    for section, parts in compared.questions:
        for name, entries in _entries(parts).items():
            questions[name] += [{"section_id": section.id, **entry} for entry in entries]
    return ModuleComparison(
        before=before,
        after=after,
        fields=list(compared.fields),
        sections=SectionChanges.model_validate(_entries(compared.sections)),
        questions=QuestionChanges.model_validate(questions),
    )


def _entries(parts: Parts[Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "added": [_named(each.part) | {"position": each.position} for each in parts.added],
        "removed": [_named(each.part) | {"position": each.position} for each in parts.removed],
        "changed": [_named(each.part) | {"fields": list(each.fields)} for each in parts.changed],
        "moved": [
            _named(each.part) | {"position_before": each.before, "position_after": each.after}
            for each in parts.moved
        ],
    }


def _named(part: SectionDraft | QuestionDraft) -> dict[str, Any]:
    if isinstance(part, SectionDraft):
        return {"section_id": part.id, "kind": part.kind, "title": part.title}
    return {"question_id": part.id, "kind": part.kind, "prompt": part.prompt}
