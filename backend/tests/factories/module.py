import itertools
from typing import Any, assert_never

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.content.section_settings import SectionKind
from app.models import ModuleSection, ModuleVersion, QuizQuestion, TrainingModule
from app.schemas.content.module import Publish
from app.services.content.publishing import publish_module
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork

_serial = itertools.count(1)


def text_section(**fields: Any) -> ModuleSection:
    return _section(**{"kind": "text", "body": "<p>Wash your hands.</p>", **fields})


def acknowledgement_section(**fields: Any) -> ModuleSection:
    settings = {"statement": "I have read and will follow the policy."}
    return _section(kind="acknowledgement", body="<p>Policy.</p>", settings=settings, **fields)


def quiz_section(*questions: QuizQuestion, **fields: Any) -> ModuleSection:
    parts = list(questions) or [single_choice()]
    for position, question in enumerate(parts, start=1):
        question.position = position
    return _section(kind="quiz", questions=parts, **fields)


def section_of(kind: SectionKind) -> ModuleSection:
    """Make a section that can be published."""
    match kind:
        case SectionKind.TEXT:
            return text_section()
        case SectionKind.QUIZ:
            return quiz_section()
        case SectionKind.ACKNOWLEDGEMENT:
            return acknowledgement_section()
        case SectionKind.LIVE_SESSION:
            return _section(kind=kind)
        case SectionKind.VIDEO | SectionKind.DOCUMENT | SectionKind.LINK:
            return _section(kind=kind, settings={"url": "https://example.org/hygiene"})
        case _:
            assert_never(kind)


def single_choice(**fields: Any) -> QuizQuestion:
    options = [{"id": "a", "text": "Yes"}, {"id": "b", "text": "No"}]
    defaults = {
        "kind": "single_choice",
        "prompt": "Do you wash your hands?",
        "points": 1,
        "answer_metadata": {"options": options, "correct": ["a"]},
        "explanation": "CDC, Guideline for Hand Hygiene",
    }
    return QuizQuestion(**{**defaults, **fields})


def _section(**fields: Any) -> ModuleSection:
    number = next(_serial)
    return ModuleSection(**{"title": f"Section {number}", "questions": [], **fields})


async def make_module(
    session: AsyncSession, *sections: ModuleSection, **fields: Any
) -> TrainingModule:
    """Make a draft with the sections, or with one text section."""
    number = next(_serial)
    parts = list(sections) or [text_section()]
    for position, section in enumerate(parts, start=1):
        section.position = position
    module = TrainingModule(
        **{"title": f"Module {number}", "slug": f"module-{number}", "sections": parts, **fields}
    )
    session.add(module)
    await session.commit()
    return module


async def publish(database: Database, module: TrainingModule, **fields: Any) -> ModuleVersion:
    """Publish the draft as the service does; `module` itself is left as it was loaded."""
    async with UnitOfWork(database, SYSTEM) as uow:
        locked = await uow.modules.not_deleted(module.id, lock=True)
        assert locked is not None
        return await publish_module(uow, locked, Publish(**fields))
