"""Section settings by kind."""

import re
from enum import StrEnum
from typing import Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints

from app.domain.fields import (
    ExactNumber,
    HundredthsNumber,
    Instant,
    ShortText,
    StorableText,
    Value,
    default_number,
    refuse,
)

MAX_URL_LENGTH: Final = 2_000
DAY_SECONDS: Final = 86_400
YEAR_MINUTES: Final = 366 * 24 * 60

_NOT_IN_URLS = re.compile(r"[\s\\<>\"\x00-\x20\x7f]")


class SectionKind(StrEnum):
    TEXT = "text"
    VIDEO = "video"
    DOCUMENT = "document"
    QUIZ = "quiz"
    ACKNOWLEDGEMENT = "acknowledgement"
    LIVE_SESSION = "live_session"
    LINK = "link"


class Feedback(StrEnum):
    """When a learner sees which answers were right."""

    NEVER = "never"
    AFTER_ATTEMPT = "after_attempt"
    AFTER_PASS = "after_pass"  # noqa: S105  # a policy, not a password


def is_safe_url(url: str) -> bool:
    """Tell whether this is an https address with a host, without credentials or odd characters."""
    if _NOT_IN_URLS.search(url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port  # read for its ValueError: ports are parsed late
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname) and "@" not in parts.netloc


def _refuse_unsafe(url: str) -> str:
    if not is_safe_url(url):
        refuse("unsafe_url", "An https address is expected.")
    return url


HttpsUrl = Annotated[
    StorableText, StringConstraints(max_length=MAX_URL_LENGTH), AfterValidator(_refuse_unsafe)
]
Seconds = Annotated[int, Field(strict=True, ge=0, le=DAY_SECONDS)]


class TextSettings(Value):
    minimum_seconds: Seconds = 0


class VideoSettings(Value):
    """`watch_share` of `duration_seconds` has to be watched, or nothing if that is unknown."""

    url: HttpsUrl | None = None
    media_id: UUID | None = None
    captions_media_id: UUID | None = Field(None, exclude_if=lambda media_id: media_id is None)
    """A WebVTT file. Left out where there is none, so that older content keeps its hash."""

    duration_seconds: Annotated[int, Field(strict=True, ge=1, le=DAY_SECONDS)] | None = None
    watch_share: Annotated[ExactNumber, Field(ge=0, le=1)] = default_number("0.9")


class DocumentSettings(Value):
    url: HttpsUrl | None = None
    media_id: UUID | None = None
    minimum_seconds: Seconds = 0


class QuizSettings(Value):
    """`pass_mark` in percent. `draw`: how many questions of the pool each attempt shows."""

    pass_mark: Annotated[HundredthsNumber, Field(ge=0, le=100)] = default_number("80")
    max_attempts: Annotated[int, Field(strict=True, ge=1, le=100)] | None = 3
    time_limit_seconds: Annotated[int, Field(strict=True, ge=30, le=DAY_SECONDS)] | None = None
    draw: Annotated[int, Field(strict=True, ge=1, le=1_000)] | None = None
    shuffle: StrictBool = True
    feedback: Feedback = Feedback.AFTER_PASS
    cooldown_minutes: Annotated[int, Field(strict=True, ge=0, le=YEAR_MINUTES)] = 0


class ShownQuizSettings(QuizSettings):
    """`question_count`: how many questions an attempt shows."""

    question_count: int


class AcknowledgementSettings(Value):
    """`statement` is the sentence that the person signs."""

    statement: ShortText | None = None


class LiveSessionSettings(Value):
    starts_at: Instant | None = None
    duration_minutes: Annotated[int, Field(strict=True, ge=1, le=24 * 60)] | None = None
    instructor: ShortText | None = None
    instructor_qualification: ShortText | None = None


class LinkSettings(Value):
    url: HttpsUrl | None = None
