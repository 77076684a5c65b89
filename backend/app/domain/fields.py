"""Field types that take JSON at its word: days, instants, whole numbers, true and false."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Strict

from app.domain.content.quiz.fields import refuse

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+([Zz]|[+-][0-9:]+)?")


def _written_as(pattern: re.Pattern[str], expected: str) -> Callable[[object], object]:
    """Refuse the numbers and other spellings that Pydantic would take for a point in time."""

    def check(value: object) -> object:
        if isinstance(value, date):
            return value
        if not isinstance(value, str) or not pattern.fullmatch(value):
            refuse("not_iso_8601", expected)
        return value

    return check


def _whole(value: object) -> object:
    """Take 5.0 for 5: to JSON they are the same number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _within_calendar(instant: datetime) -> datetime:
    try:
        utc = instant.astimezone(UTC)
    except OverflowError:
        utc = None
    # The driver takes the calendar's first and last instants for infinities, which have no zone.
    if utc is None or utc.date() in {date.min, date.max}:
        refuse("out_of_range", "This instant is outside of the calendar.")
    return utc


Flag = Annotated[bool, Strict()]
Whole = BeforeValidator(_whole)
"""Marks a strict integer. It comes last: bounds after it would be missing in OpenAPI."""

Day = Annotated[date, BeforeValidator(_written_as(_DAY, "A day is expected, such as 2027-11-20."))]
Instant = Annotated[
    AwareDatetime,
    BeforeValidator(_written_as(_INSTANT, "An instant is expected, such as 2027-11-20T17:30:00Z.")),
    AfterValidator(_within_calendar),
]
