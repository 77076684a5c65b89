"""A module's draft as it is stored: nothing but the types of the fields is trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from app.domain.content.canonical import canonical_json, sha256_hex
from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_settings import SectionKind
from app.domain.fields import json_number


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
    picture: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionDraft:
    id: UUID
    kind: SectionKind
    title: str
    position: int
    body: str = ""
    required: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict)
    states: Sequence[str] = ()
    """ISO 3166-2: whom it is for; empty for everybody."""

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

    def sha256(self) -> str:
        """Return a hash of what a version is made of: equal drafts become equal versions.

        It takes no checks, so that every edit can afford it.
        """
        return sha256_hex(canonical_json(_plain(self) | {"minutes_owed": None}))


def _plain(value: Any) -> Any:  # noqa: ANN401  # a draft or a value of any of its fields
    if isinstance(value, ModuleDraft | SectionDraft | QuestionDraft):
        plain = {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
        # Drafts without pictures keep the hash that they had before there were any.
        return {name: part for name, part in plain.items() if name != "picture" or part}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, UUID):
        return str(value)
    return json_number(value) if isinstance(value, Decimal) else value
