"""The rules of each kind of section. No other module keeps a list of kinds.

A kind is one `SectionRules` in this file. `SectionRules` has no defaults, so that a new kind does
not type-check before every rule is given.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar, assert_never

from app.core.errors import FieldError
from app.domain.content.canonical import canonical_json, sha256_hex
from app.domain.content.draft import SectionDraft
from app.domain.content.html import has_content, plain_text
from app.domain.content.media.file import DOCUMENT_TYPES, VIDEO_TYPES, MediaType
from app.domain.content.quiz.key import QuizKey
from app.domain.content.quiz.questions import Question, learner_view
from app.domain.content.section_settings import (
    AcknowledgementSettings,
    DocumentSettings,
    LinkSettings,
    LiveSessionSettings,
    QuizSettings,
    SectionKind,
    ShownQuizSettings,
    TextSettings,
    VideoSettings,
)
from app.domain.fields import Value

SettingsT = TypeVar("SettingsT", bound=Value)

SECONDS_PER_MINUTE: Final = 60
FAST_WORDS_PER_SECOND: Final = 5
"""Adults read about 240 words of such text a minute (Brysbaert 2019); few read 300."""

FAST_PLAYBACK: Final = 2


class CompletedBy(StrEnum):
    """What completes a section. Versions store it, and SQL compares it.

    A report that claims completion is believed where this is REPORT, and nowhere else.
    """

    REPORT = "report"
    ATTEMPT = "attempt"
    SIGNATURE = "signature"
    ATTENDANCE = "attendance"


@dataclass(frozen=True, slots=True)
class ReportThresholds:
    """What a report must have reached to complete a section: seconds of study, and of a video.

    A class is completed by attending it; its seconds are those that it is planned to take.
    """

    minimum_seconds: int = 0
    minimum_position: float = 0


@dataclass(frozen=True, slots=True)
class CheckedSection(Generic[SettingsT]):
    """A section that can be published: `body` is sanitised, settings and questions are parsed."""

    title: str
    body: str
    settings: SettingsT
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionRules(Generic[SettingsT]):
    settings: type[SettingsT]
    shown_settings: type[Value]
    """What learners are shown of the settings."""

    completed_by: CompletedBy
    thresholds: Callable[[SettingsT, str], ReportThresholds]
    """What a report must have reached, by the settings and the body."""

    media: Mapping[str, frozenset[MediaType]]
    """The settings that name an uploaded file, and the types of file they take."""

    has_questions: bool
    names_site_facts: bool
    """Whether its body may be another at each office: one that is signed may not."""

    key: Callable[[CheckedSection[SettingsT]], QuizKey | None]
    """The answers that the server keeps to itself, if the kind has any."""

    faults: Callable[[str, SectionDraft, SettingsT | None], Iterable[FieldError]]
    """Why it cannot be published, below a pointer; the settings are None where they are invalid."""

    content: Callable[[CheckedSection[SettingsT]], Mapping[str, Any]]
    """What learners are shown in addition to what all kinds show."""


def rules_of(kind: SectionKind) -> SectionRules[Any]:  # noqa: PLR0911  # one for each kind
    match kind:
        case SectionKind.TEXT:
            return TEXT
        case SectionKind.VIDEO:
            return VIDEO
        case SectionKind.DOCUMENT:
            return DOCUMENT
        case SectionKind.QUIZ:
            return QUIZ
        case SectionKind.ACKNOWLEDGEMENT:
            return ACKNOWLEDGEMENT
        case SectionKind.LIVE_SESSION:
            return LIVE_SESSION
        case SectionKind.LINK:
            return LINK
        case _:
            assert_never(kind)


def parse_settings(kind: SectionKind, raw: Mapping[str, Any]) -> Value:
    """Validate `settings` for a kind of section; what is missing gets its default.

    Raises pydantic.ValidationError, whose `loc` is relative to `settings`.
    """
    parsed: Value = rules_of(kind).settings.model_validate(raw)
    return parsed


def report_thresholds(
    kind: SectionKind, settings: Mapping[str, Any], body: str = ""
) -> ReportThresholds:
    """Return what the database applies when it takes a progress report."""
    return rules_of(kind).thresholds(parse_settings(kind, settings), body)


def completed_otherwise(completed_by: CompletedBy) -> str:
    """Name, for an error, what completes a section that a report cannot complete."""
    match completed_by:
        case CompletedBy.REPORT:
            return "This section is completed by a report"
        case CompletedBy.ATTEMPT:
            return "A quiz is completed by passing it"
        case CompletedBy.SIGNATURE:
            return "This section is completed by signing it"
        case CompletedBy.ATTENDANCE:
            return "This section is completed by attending the session"
        case _:
            assert_never(completed_by)


def document_sha256(*, title: str, body: str, statement: str | None) -> str:
    """Return the hash that a signature covers: the document as read and the sentence as signed."""
    document = {"title": title, "body": body, "statement": statement}
    return sha256_hex(canonical_json(document))


def _no_thresholds(_: Value, __: str) -> ReportThresholds:
    return ReportThresholds()


def _read(settings: TextSettings, body: str) -> ReportThresholds:
    """Ask for the time in which a fast reader reads the text, or more where the author says so."""
    floor = _from_a_minute(len(plain_text(body).split()) / FAST_WORDS_PER_SECOND)
    return ReportThresholds(minimum_seconds=max(floor, settings.minimum_seconds))


def _study_time(settings: DocumentSettings, _: str) -> ReportThresholds:
    return ReportThresholds(minimum_seconds=settings.minimum_seconds)


def _watched(settings: VideoSettings, _: str) -> ReportThresholds:
    """Ask for the time that the share takes at double speed; the position alone is only claimed."""
    if settings.duration_seconds is None:
        return ReportThresholds()
    share = math.ceil(settings.watch_share * settings.duration_seconds)
    return ReportThresholds(
        minimum_seconds=_from_a_minute(share / FAST_PLAYBACK), minimum_position=share
    )


def _attended(settings: LiveSessionSettings, _: str) -> ReportThresholds:
    planned = settings.duration_minutes or 0
    return ReportThresholds(minimum_seconds=planned * SECONDS_PER_MINUTE)


def _from_a_minute(seconds: float) -> int:
    """Drop what is shorter than a minute, so that a short text may be clicked through."""
    return int(seconds) if seconds >= SECONDS_PER_MINUTE else 0


def _no_key(_: CheckedSection[Any]) -> None:
    return None


def _quiz_key(quiz: CheckedSection[QuizSettings]) -> QuizKey:
    return QuizKey(**quiz.settings.model_dump(), questions=quiz.questions)


def _nothing_more(_: CheckedSection[Any]) -> Mapping[str, Any]:
    return {}


def _quiz_content(quiz: CheckedSection[QuizSettings]) -> Mapping[str, Any]:
    """Show nothing of a pool: its questions are seen in attempts only."""
    count = quiz.settings.draw or len(quiz.questions)
    shown = [] if quiz.settings.draw else quiz.questions
    return {
        "settings": ShownQuizSettings(**quiz.settings.model_dump(), question_count=count).as_json(),
        "questions": [learner_view(question).as_json() for question in shown],
    }


def _signed_document(section: CheckedSection[AcknowledgementSettings]) -> Mapping[str, Any]:
    statement = section.settings.statement
    signed = document_sha256(title=section.title, body=section.body, statement=statement)
    return {"document_sha256": signed}


def _no_faults(_: str, __: SectionDraft, ___: Value | None) -> Iterable[FieldError]:
    return ()


def _text_faults(pointer: str, draft: SectionDraft, _: object) -> Iterator[FieldError]:
    if not has_content(draft.body):
        yield FieldError(f"{pointer}/body", "body_missing", "The text is empty.")


def _file_faults(
    pointer: str, _: SectionDraft, settings: VideoSettings | DocumentSettings | None
) -> Iterator[FieldError]:
    if settings and settings.url is None and settings.media_id is None:
        detail = "An address or an uploaded file is needed."
        yield FieldError(f"{pointer}/settings", "target_missing", detail)


def _quiz_faults(
    pointer: str, draft: SectionDraft, settings: QuizSettings | None
) -> Iterator[FieldError]:
    pool = len(draft.questions)
    if not pool:
        yield FieldError(f"{pointer}/questions", "no_questions", "The quiz has no questions.")
    elif settings and settings.draw and settings.draw > pool:
        detail = "More questions are to be drawn than there are."
        yield FieldError(f"{pointer}/settings/draw", "draw_exceeds_pool", detail)


def _acknowledgement_faults(
    pointer: str, draft: SectionDraft, settings: AcknowledgementSettings | None
) -> Iterator[FieldError]:
    if settings and settings.statement is None and not has_content(draft.body):
        detail = "There is neither a document nor a statement to sign."
        yield FieldError(f"{pointer}/body", "nothing_to_acknowledge", detail)


def _link_faults(
    pointer: str, _: SectionDraft, settings: LinkSettings | None
) -> Iterator[FieldError]:
    if settings and settings.url is None:
        yield FieldError(f"{pointer}/settings/url", "target_missing", "An address is needed.")


NO_MEDIA: Final[Mapping[str, frozenset[MediaType]]] = {}

TEXT: Final = SectionRules(
    settings=TextSettings,
    shown_settings=TextSettings,
    completed_by=CompletedBy.REPORT,
    thresholds=_read,
    media=NO_MEDIA,
    has_questions=False,
    names_site_facts=True,
    key=_no_key,
    faults=_text_faults,
    content=_nothing_more,
)
VIDEO: Final = SectionRules(
    settings=VideoSettings,
    shown_settings=VideoSettings,
    completed_by=CompletedBy.REPORT,
    thresholds=_watched,
    media={"media_id": VIDEO_TYPES, "captions_media_id": frozenset({MediaType.VTT})},
    has_questions=False,
    names_site_facts=True,
    key=_no_key,
    faults=_file_faults,
    content=_nothing_more,
)
DOCUMENT: Final = SectionRules(
    settings=DocumentSettings,
    shown_settings=DocumentSettings,
    completed_by=CompletedBy.REPORT,
    thresholds=_study_time,
    media={"media_id": DOCUMENT_TYPES},
    has_questions=False,
    names_site_facts=True,
    key=_no_key,
    faults=_file_faults,
    content=_nothing_more,
)
QUIZ: Final = SectionRules(
    settings=QuizSettings,
    shown_settings=ShownQuizSettings,
    completed_by=CompletedBy.ATTEMPT,
    thresholds=_no_thresholds,
    media=NO_MEDIA,
    has_questions=True,
    names_site_facts=True,
    key=_quiz_key,
    faults=_quiz_faults,
    content=_quiz_content,
)
ACKNOWLEDGEMENT: Final = SectionRules(
    settings=AcknowledgementSettings,
    shown_settings=AcknowledgementSettings,
    completed_by=CompletedBy.SIGNATURE,
    thresholds=_no_thresholds,
    media=NO_MEDIA,
    has_questions=False,
    names_site_facts=False,
    key=_no_key,
    faults=_acknowledgement_faults,
    content=_signed_document,
)
LIVE_SESSION: Final = SectionRules(
    settings=LiveSessionSettings,
    shown_settings=LiveSessionSettings,
    completed_by=CompletedBy.ATTENDANCE,
    thresholds=_attended,
    media=NO_MEDIA,
    has_questions=False,
    names_site_facts=True,
    key=_no_key,
    faults=_no_faults,
    content=_nothing_more,
)
LINK: Final = SectionRules(
    settings=LinkSettings,
    shown_settings=LinkSettings,
    completed_by=CompletedBy.REPORT,
    thresholds=_no_thresholds,
    media=NO_MEDIA,
    has_questions=False,
    names_site_facts=True,
    key=_no_key,
    faults=_link_faults,
    content=_nothing_more,
)

MEDIA_FIELDS: Final = sorted({field for kind in SectionKind for field in rules_of(kind).media})
