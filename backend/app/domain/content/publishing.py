"""From a module's draft to an immutable version: what blocks it, and the bytes that it becomes."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from app.core.errors import FieldError, fault_detail, pointer_to
from app.domain.content.html import plain_text, sanitise
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question, QuestionKind, learner_view, parse_question
from app.domain.content.section_settings import (
    AcknowledgementSettings,
    DocumentSettings,
    LinkSettings,
    QuizSettings,
    SectionKind,
    Settings,
    VideoSettings,
    parse_settings,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    """As stored: nothing but the types of the fields is trusted."""

    id: UUID
    kind: QuestionKind
    prompt: str
    points: Decimal
    metadata: Mapping[str, Any]
    explanation: str | None = None


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

    def in_order(self) -> list[SectionDraft]:
        return sorted(self.sections, key=lambda section: (section.position, section.id))


@dataclass(frozen=True, slots=True)
class Publication:
    """`answer_key` is a `QuizKey` as JSON by section id; see there what must not become public."""

    content: bytes
    content_sha256: str
    answer_key: dict[str, Any]
    answer_key_sha256: str
    outline: list[dict[str, Any]]


class NotPublishableError(ValueError):
    def __init__(self, reasons: Sequence[FieldError]) -> None:
        super().__init__(f"{len(reasons)} reasons keep this draft from being published")
        self.reasons = tuple(reasons)


def canonical_json(value: object) -> bytes:
    """Sorted keys, UTF-8, no insignificant space: equal values give equal bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def sha256_hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def document_sha256(*, title: str, body: str, statement: str | None) -> str:
    """Return the hash that a signature covers: the document as read and the sentence as signed."""
    document = {"title": title, "body": body, "statement": statement}
    return sha256_hex(canonical_json(document))


def publish(draft: ModuleDraft) -> Publication:
    """Make the immutable form of a draft; the same draft gives the same bytes.

    Raises NotPublishableError with every reason.
    """
    if reasons := blocking_reasons(draft):
        raise NotPublishableError(reasons)
    sections = [_PublishableSection.read(section) for section in draft.in_order()]
    content = canonical_json(
        {
            "module": _module_content(draft),
            "sections": [section.content(place) for place, section in enumerate(sections, start=1)],
        }
    )
    answer_key = {
        str(section.draft.id): section.key.as_json() for section in sections if section.key
    }
    return Publication(
        content=content,
        content_sha256=sha256_hex(content),
        answer_key=answer_key,
        answer_key_sha256=sha256_hex(canonical_json(answer_key)),
        outline=[section.outline() for section in sections],
    )


def _module_content(draft: ModuleDraft) -> dict[str, Any]:
    return {
        "id": str(draft.id),
        "slug": draft.slug,
        "title": draft.title,
        "summary": draft.summary,
        "category": draft.category,
        "tags": list(draft.tags),
        "language": draft.language,
        "estimated_minutes": draft.estimated_minutes,
    }


@dataclass(frozen=True, slots=True)
class _PublishableSection:
    draft: SectionDraft
    settings: Settings
    questions: tuple[Question, ...]

    @classmethod
    def read(cls, draft: SectionDraft) -> "_PublishableSection":
        questions = tuple(parse_question(_fields(question)) for question in draft.questions)
        return cls(draft, parse_settings(draft.kind, draft.settings), questions)

    @property
    def key(self) -> QuizKey | None:
        if not isinstance(self.settings, QuizSettings):
            return None
        return QuizKey(**self.settings.model_dump(), questions=self.questions)

    def content(self, position: int) -> dict[str, Any]:
        body = sanitise(self.draft.body)
        content = {
            "id": str(self.draft.id),
            "kind": self.draft.kind.value,
            "title": self.draft.title,
            "body": body,
            "required": self.draft.required,
            "position": position,
            "settings": self._shown_settings(),
            "questions": self._shown_questions(),
        }
        if isinstance(self.settings, AcknowledgementSettings):
            content["document_sha256"] = document_sha256(
                title=self.draft.title, body=body, statement=self.settings.statement
            )
        return content

    def outline(self) -> dict[str, Any]:
        return {
            "section_id": str(self.draft.id),
            "kind": self.draft.kind.value,
            "title": self.draft.title,
            "required": self.draft.required,
        }

    def _shown_settings(self) -> dict[str, Any]:
        shown = self.settings.as_json()
        if isinstance(self.settings, QuizSettings):
            shown["question_count"] = self.settings.draw or len(self.questions)
        return shown

    def _shown_questions(self) -> list[dict[str, Any]]:
        """Show nothing of a pool: its questions are seen in attempts only."""
        if isinstance(self.settings, QuizSettings) and self.settings.draw:
            return []
        return [learner_view(question).as_json() for question in self.questions]


def _fields(question: QuestionDraft) -> dict[str, Any]:
    return {name: getattr(question, name) for name in _QUESTION_FIELDS}


_QUESTION_FIELDS: Final = tuple(each.name for each in fields(QuestionDraft))


def blocking_reasons(draft: ModuleDraft) -> list[FieldError]:
    """Return everything that keeps a draft from being published; pointers are into the module.

    Sections count in their order, as in `/sections/0/questions/2/metadata/correct`.
    """
    sections = draft.in_order()
    return [
        *_module_reasons(draft),
        *_duplicate_reasons(sections),
        *(
            reason
            for index, section in enumerate(sections)
            for reason in _section_reasons(f"/sections/{index}", section)
        ),
    ]


def _module_reasons(draft: ModuleDraft) -> Iterator[FieldError]:
    if not draft.title.strip():
        yield FieldError("/title", "title_missing", "The module has no title.")
    if not draft.sections:
        yield FieldError("/sections", "no_sections", "The module has no sections.")
    elif not any(section.required for section in draft.sections):
        yield FieldError("/sections", "no_required_section", "No section is required.")


def _duplicate_reasons(sections: Sequence[SectionDraft]) -> Iterator[FieldError]:
    """Progress and results hang on these ids, so each may occur only once in a module."""
    question_ids = [question.id for section in sections for question in section.questions]
    if _has_twins(section.id for section in sections) or _has_twins(question_ids):
        yield FieldError("/sections", "duplicate_id", "Two sections or questions share an id.")


def _has_twins(ids: Iterable[UUID]) -> bool:
    return any(count > 1 for count in Counter(ids).values())


def _section_reasons(pointer: str, section: SectionDraft) -> Iterator[FieldError]:
    if not section.title.strip():
        yield FieldError(f"{pointer}/title", "title_missing", "The section has no title.")
    if section.kind is SectionKind.TEXT and not _has_content(section.body):
        yield FieldError(f"{pointer}/body", "body_missing", "The text is empty.")
    if section.questions and section.kind is not SectionKind.QUIZ:
        yield FieldError(
            f"{pointer}/questions", "questions_outside_quiz", "Only a quiz has questions."
        )
    yield from _settings_reasons(pointer, section)
    for index, question in enumerate(section.questions):
        yield from _question_reasons(f"{pointer}/questions/{index}", question)


def _has_content(body: str) -> bool:
    clean = sanitise(body)
    return bool(plain_text(clean)) or "<img " in clean


def _settings_reasons(pointer: str, section: SectionDraft) -> Iterator[FieldError]:
    try:
        settings = parse_settings(section.kind, section.settings)
    except ValidationError as error:
        yield from (_named(reason) for reason in faults(error, f"{pointer}/settings"))
        return
    match settings:
        case QuizSettings():
            yield from _quiz_reasons(pointer, settings, len(section.questions))
        case AcknowledgementSettings(statement=None) if not _has_content(section.body):
            detail = "There is neither a document nor a statement to sign."
            yield FieldError(f"{pointer}/body", "nothing_to_acknowledge", detail)
        case VideoSettings(url=None, media_id=None) | DocumentSettings(url=None, media_id=None):
            detail = "An address or an uploaded file is needed."
            yield FieldError(f"{pointer}/settings", "target_missing", detail)
        case LinkSettings(url=None):
            yield FieldError(f"{pointer}/settings/url", "target_missing", "An address is needed.")
        case _:
            pass


def _named(reason: FieldError) -> FieldError:
    """Say what a pass mark above 100 means to an author."""
    if reason.pointer.endswith("/pass_mark") and reason.code == "less_than_equal":
        return FieldError(reason.pointer, "pass_mark_unreachable", "Nobody can reach this mark.")
    return reason


def _quiz_reasons(pointer: str, settings: QuizSettings, pool: int) -> Iterator[FieldError]:
    if not pool:
        yield FieldError(f"{pointer}/questions", "no_questions", "The quiz has no questions.")
    elif settings.draw and settings.draw > pool:
        detail = "More questions are to be drawn than there are."
        yield FieldError(f"{pointer}/settings/draw", "draw_exceeds_pool", detail)


def _question_reasons(pointer: str, question: QuestionDraft) -> Iterator[FieldError]:
    try:
        parse_question(_fields(question))
    except ValidationError as error:
        # Pydantic puts the kind, which chose the member of the union, first in every location.
        yield from faults(error, pointer, skip=1)


def faults(error: ValidationError, pointer: str = "", *, skip: int = 0) -> list[FieldError]:
    """Return a validation error as field errors below a pointer, without the offending values."""
    return [
        FieldError(
            pointer + pointer_to(*fault["loc"][skip:]),
            fault["type"],
            fault_detail(fault["type"], fault["msg"]),
        )
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
