"""A module's draft as it is stored: nothing but the types of the fields is trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    id: UUID
    kind: QuestionKind
    prompt: str
    points: Decimal
    metadata: Mapping[str, Any]
    explanation: str | None = None
    name: str | None = None
    category: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDraft:
    id: UUID
    kind: SectionKind
    title: str
    position: int
    body: str = ""
    required: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    questions: Sequence[QuestionDraft] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDraft:
    id: UUID
    slug: str
    title: str
    summary: str | None = None
    category: str | None = None
    tags: Sequence[str] = ()
    language: str = "en"
    estimated_minutes: int | None = None
    sections: Sequence[SectionDraft] = ()
    minutes_owed: int = 0
    """The hours that its records credit or that rules ask of it, in minutes."""

    def in_order(self) -> list[SectionDraft]:
        return sorted(self.sections, key=lambda section: (section.position, section.id))
