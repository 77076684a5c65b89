"""What all request and response models share."""

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    EmailStr,
    Field,
    Strict,
    StringConstraints,
)

from app.domain.quiz.fields import StorableText, is_storable, refuse

T = TypeVar("T")

MAX_JSON_CHARACTERS = 16_384


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)?")


def _written_as(pattern: re.Pattern[str]) -> Callable[[object], object]:
    """Refuse the numbers and other spellings that Pydantic would take for a point in time."""

    def check(value: object) -> object:
        if isinstance(value, date):
            return value
        if not isinstance(value, str) or not pattern.fullmatch(value):
            refuse("not_iso_8601", "RFC 3339 is expected, such as 2027-11-20 or its instants.")
        return value

    return check


def _whole(value: object) -> object:
    """Take 5.0 for 5: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _within_calendar(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        refuse("out_of_range", "This instant is outside of the calendar.")


class Payload(BaseModel):
    """A request body. Unknown fields are refused: nothing sets what it may not set."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Resource(BaseModel):
    """A response body, read from rows by attribute."""

    model_config = ConfigDict(from_attributes=True)


class ListOf(Resource, Generic[T]):
    items: list[T]
    next_cursor: str | None = None
    total: int | None = Field(None, exclude_if=lambda total: total is None)
    """Only present with `include_total=true`."""


def _storable_json(value: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(value, ensure_ascii=False)
    if len(text) > MAX_JSON_CHARACTERS:
        refuse("too_large", "At most 16 KiB of JSON are kept.")
    if not is_storable(text) or "\\u0000" in text:
        refuse("unstorable_text", "The text contains forbidden characters.")
    return value


# White space around it does not count, which `minLength` alone does not tell a client.
_NOT_BLANK = Field(json_schema_extra={"pattern": r"\S"})
Line = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    _NOT_BLANK,
]
Label = Annotated[
    StorableText,
    StringConstraints(min_length=1, max_length=100, strip_whitespace=True),
    _NOT_BLANK,
]
Paragraph = Annotated[StorableText, StringConstraints(max_length=5_000)]
Email = Annotated[EmailStr, StringConstraints(max_length=320, to_lower=True)]
JsonMap = Annotated[dict[str, Any], AfterValidator(_storable_json)]
Flag = Annotated[bool, Strict()]
Whole = BeforeValidator(_whole)
"""Marks a strict integer. It comes last: bounds after it would be missing in OpenAPI."""

Position = Annotated[int, Field(ge=1, le=10_000, strict=True), Whole]
Day = Annotated[date, BeforeValidator(_written_as(_DAY))]
Instant = Annotated[
    AwareDatetime, BeforeValidator(_written_as(_INSTANT)), AfterValidator(_within_calendar)
]
