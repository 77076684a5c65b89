"""From a module's draft to an immutable version: what blocks it, and the bytes that it becomes."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import orjson
from pydantic import ValidationError

from app.core.errors import FieldError, fault_detail, pointer_to
from app.domain.content.canonical import canonical_json, sha256_hex
from app.domain.content.draft import ModuleDraft, QuestionDraft, SectionDraft
from app.domain.content.html import sanitise
from app.domain.content.html_limits import TooComplexError
from app.domain.content.media.picture import picture_faults
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import QuestionKind, parse_question
from app.domain.content.section_kind import (
    SECONDS_PER_MINUTE,
    CheckedSection,
    ReportThresholds,
    SectionRules,
    parse_settings,
    report_thresholds,
    rules_of,
)
from app.domain.content.section_settings import SectionKind
from app.domain.content.site_fact import elsewhere_faults, facts_named, naming_faults


@dataclass(frozen=True, slots=True)
class Publication:
    """`answer_key` maps section ids to a `QuizKey` as JSON, which must not become public."""

    content: bytes
    content_sha256: str
    answer_key: dict[str, Any]
    answer_key_sha256: str
    outline: list[dict[str, Any]]
    thresholds: dict[UUID, ReportThresholds]
    """By section."""

    site_facts: dict[UUID, list[str]]
    """The kinds that the text names, by section."""

    by_office: bool
    """Whether learners of different offices are shown different content."""


class NotPublishableError(ValueError):
    def __init__(self, reasons: Sequence[FieldError]) -> None:
        super().__init__(f"{len(reasons)} reasons keep this draft from being published")
        self.reasons = tuple(reasons)


def publish(draft: ModuleDraft) -> Publication:
    """Make the immutable form of a draft; the same draft gives the same bytes.

    Raises NotPublishableError with every reason.
    """
    if reasons := blocking_reasons(draft):
        raise NotPublishableError(reasons)
    return _made_of(draft)


def preview(draft: ModuleDraft) -> bytes:
    """Return what learners would be shown of a draft, unfinished as it may be.

    Raises NotPublishableError where a part cannot be shown at all.
    """
    try:
        return _made_of(draft).content
    except (ValidationError, TooComplexError):
        raise NotPublishableError(blocking_reasons(draft)) from None


def preview_key(position: int, quiz: SectionDraft) -> QuizKey:
    """Return what attempts at a quiz would be graded by; raise as `preview` does."""
    try:
        key = _PublishableSection.read(quiz).key
    except (ValidationError, TooComplexError):
        reasons = _section_reasons(f"/sections/{position}", quiz)
        raise NotPublishableError([*reasons]) from None
    if key is None:
        msg = "only quizzes have keys"
        raise TypeError(msg)
    return key


def _made_of(draft: ModuleDraft) -> Publication:
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
        thresholds={section.draft.id: section.thresholds for section in sections},
        site_facts={section.draft.id: section.site_facts for section in sections},
        by_office=any(section.draft.states or section.site_facts for section in sections),
    )


def read_back(content: bytes, answer_key: Mapping[UUID, Mapping[str, Any]]) -> ModuleDraft:
    """Return the draft that a version was made of; `answer_key` maps section ids to their keys."""
    published = orjson.loads(content)
    of_module = {name: published["module"][name] for name in _MODULE_FIELDS}
    sections = [
        _read_section(section, answer_key.get(UUID(section["id"])))
        for section in published["sections"]
    ]
    return ModuleDraft(id=UUID(published["module"]["id"]), **of_module, sections=sections)


def _read_section(section: Mapping[str, Any], key: Mapping[str, Any] | None) -> SectionDraft:
    rules = {name: value for name, value in (key or {}).items() if name != "questions"}
    return SectionDraft(
        id=UUID(section["id"]),
        kind=SectionKind(section["kind"]),
        title=section["title"],
        position=section["position"],
        body=section["body"],
        required=section["required"],
        settings=rules or section["settings"],
        states=section.get("states", ()),
        questions=[_read_question(question) for question in (key or {}).get("questions", ())],
    )


def _read_question(stored: Mapping[str, Any]) -> QuestionDraft:
    given = {name: stored[name] for name in _QUESTION_FIELDS if name in stored}
    return QuestionDraft(
        **given
        | {
            "id": UUID(stored["id"]),
            "kind": QuestionKind(stored["kind"]),
            "points": Decimal(str(stored["points"])),
        }
    )


def _module_content(draft: ModuleDraft) -> dict[str, Any]:
    fields = {name: getattr(draft, name) for name in _MODULE_FIELDS}
    return {"id": str(draft.id), **fields, "tags": list(draft.tags)}


@dataclass(frozen=True, slots=True)
class _PublishableSection:
    draft: SectionDraft
    checked: CheckedSection[Any]
    rules: SectionRules[Any]

    @classmethod
    def read(cls, draft: SectionDraft) -> "_PublishableSection":
        checked = CheckedSection(
            title=draft.title,
            body=sanitise(draft.body),
            settings=parse_settings(draft.kind, draft.settings),
            questions=tuple(parse_question(_fields(question)) for question in draft.questions),
        )
        return cls(draft, checked, rules_of(draft.kind))

    @property
    def thresholds(self) -> ReportThresholds:
        return self.rules.thresholds(self.checked.settings, self.checked.body)

    @property
    def site_facts(self) -> list[str]:
        return facts_named(self.checked.body)

    @property
    def key(self) -> QuizKey | None:
        return self.rules.key(self.checked)

    def content(self, position: int) -> dict[str, Any]:
        return {
            "id": str(self.draft.id),
            "kind": self.draft.kind.value,
            "title": self.draft.title,
            "body": self.checked.body,
            "required": self.draft.required,
            "position": position,
            "settings": self.checked.settings.as_json(),
            "questions": [],
            **self._minimum(),
            **self._states(),
            **self.rules.content(self.checked),
        }

    def _minimum(self) -> dict[str, Any]:
        """Say how long it takes at least, unless it takes nothing: older content has no field."""
        seconds = self.thresholds.minimum_seconds
        return {"minimum_seconds": seconds} if seconds else {}

    def _states(self) -> dict[str, Any]:
        return {"states": sorted(self.draft.states)} if self.draft.states else {}

    def outline(self) -> dict[str, Any]:
        return {
            "section_id": str(self.draft.id),
            "kind": self.draft.kind.value,
            "title": self.draft.title,
            "required": self.draft.required,
            **self._states(),
        }


def _fields(question: QuestionDraft) -> dict[str, Any]:
    return {name: getattr(question, name) for name in _QUESTION_FIELDS}


_MODULE_FIELDS: Final = (
    "slug",
    "title",
    "summary",
    "category",
    "tags",
    "language",
    "estimated_minutes",
)
_QUESTION_FIELDS: Final = tuple(each.name for each in fields(QuestionDraft))


def blocking_reasons(draft: ModuleDraft) -> list[FieldError]:
    """Return everything that keeps a draft from being published; pointers are into the module.

    Sections count in their order, as in `/sections/0/questions/2/metadata/correct`.
    """
    sections = draft.in_order()
    of_sections = [
        reason
        for index, section in enumerate(sections)
        for reason in _section_reasons(f"/sections/{index}", section)
    ]
    return [
        *_module_reasons(draft),
        *_duplicate_reasons(sections),
        *of_sections,
        # The time that a section takes is known once the section itself is in order.
        *(() if of_sections else _floor_reasons(draft)),
    ]


def _module_reasons(draft: ModuleDraft) -> Iterator[FieldError]:
    if not draft.title.strip():
        yield FieldError("/title", "title_missing", "The module has no title.")
    if not draft.sections:
        yield FieldError("/sections", "no_sections", "The module has no sections.")
    elif not any(section.required and not section.states for section in draft.sections):
        detail = "No section is required of everybody."
        yield FieldError("/sections", "no_required_section", detail)
    yield from elsewhere_faults("/title", draft.title)


def _floor_reasons(draft: ModuleDraft) -> Iterator[FieldError]:
    """Refuse hours that somebody could be credited with without having spent them."""
    floor = sum(
        report_thresholds(section.kind, section.settings, section.body).minimum_seconds
        for section in draft.sections
        if section.required and not section.states
    )
    if floor < draft.minutes_owed * SECONDS_PER_MINUTE:
        detail = "Its required sections take less time than the hours that it stands for."
        yield FieldError("/sections", "hours_without_floor", detail)


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
    rules = rules_of(section.kind)
    yield from _body_reasons(f"{pointer}/body", rules, section.body)
    yield from _elsewhere_reasons(pointer, section)
    if section.questions and not rules.has_questions:
        yield FieldError(
            f"{pointer}/questions", "questions_outside_quiz", "Only a quiz has questions."
        )
    yield from _settings_reasons(pointer, rules, section)
    for index, question in enumerate(section.questions):
        yield from _question_reasons(f"{pointer}/questions/{index}", question)


def _elsewhere_reasons(pointer: str, section: SectionDraft) -> Iterator[FieldError]:
    yield from elsewhere_faults(f"{pointer}/title", section.title)
    yield from elsewhere_faults(f"{pointer}/settings", str(section.settings))
    for index, question in enumerate(section.questions):
        yield from elsewhere_faults(f"{pointer}/questions/{index}", str(_fields(question)))


def _body_reasons(pointer: str, rules: SectionRules[Any], body: str) -> Iterator[FieldError]:
    """Find wrong pictures and site facts, and bodies saved before the limits on HTML existed."""
    try:
        clean = sanitise(body)
    except TooComplexError as error:
        yield FieldError(pointer, "too_complex", error.detail)
    else:
        yield from (naming_faults if rules.names_site_facts else elsewhere_faults)(pointer, clean)
        yield from picture_faults(pointer, clean)


def _settings_reasons(
    pointer: str, rules: SectionRules[Any], section: SectionDraft
) -> Iterator[FieldError]:
    settings = None
    try:
        settings = parse_settings(section.kind, section.settings)
    except ValidationError as error:
        yield from (_named(reason) for reason in faults(error, f"{pointer}/settings"))
    yield from rules.faults(pointer, section, settings)


def _named(reason: FieldError) -> FieldError:
    """Say what a pass mark above 100 means to an author."""
    if reason.pointer.endswith("/pass_mark") and reason.code == "less_than_equal":
        return FieldError(reason.pointer, "pass_mark_unreachable", "Nobody can reach this mark.")
    return reason


def _question_reasons(pointer: str, question: QuestionDraft) -> Iterator[FieldError]:
    try:
        parse_question(_fields(question))
    except ValidationError as error:
        # Pydantic's location starts with the kind, which chose the member of the union; it is no
        # field.
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
