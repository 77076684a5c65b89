"""Keyset pagination: a page starts after a row, so inserts never make it skip or repeat one."""

import base64
import binascii
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Generic, TypeVar

import orjson

from app.core.errors import FieldError, InvalidPayloadError

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
MAX_INTEGER = 2**31 - 1
BEFORE_ALL = datetime.min  # noqa: DTZ901  # what the driver knows it by
"""`-infinity`, which the driver reads and takes without a zone."""

T = TypeVar("T")
Key = str | int | uuid.UUID | datetime | date


@dataclass(frozen=True, slots=True)
class PageRequest:
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    include_total: bool = False
    sort: str | None = None
    """One of the orders of the list; None for its usual one."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`total` is None unless it was asked for."""

    items: list[T]
    next_cursor: str | None
    total: int | None = None


def encode_cursor(key: tuple[Key, ...], *, order: str = "") -> str:
    """Write down where a page ended, and in which order: in another one it would mean nothing."""
    return base64.urlsafe_b64encode(orjson.dumps([order, *key], default=str)).decode().rstrip("=")


def decode_cursor(cursor: str, kinds: tuple[type, ...], *, order: str = "") -> tuple[Key, ...]:
    """Read a cursor back; raise InvalidPayloadError for anything we did not make."""
    try:
        raw = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(raw, list) or len(raw) != len(kinds) + 1 or raw[0] != order:
            raise _invalid_cursor()
        return tuple(_revive(value, kind) for value, kind in zip(raw[1:], kinds, strict=True))
    except (binascii.Error, ValueError, TypeError, OverflowError):
        raise _invalid_cursor() from None


def _revive(value: object, kind: type) -> Key:
    """Read one part of a key; refuse values that the database would answer with an error."""
    if type(value) is not (int if kind is int else str):
        raise TypeError
    if kind is uuid.UUID:
        return uuid.UUID(str(value))
    if kind is datetime:
        return _instant(str(value))
    if kind is date:
        return date.fromisoformat(str(value))
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        raise ValueError
    if isinstance(value, str) and "\x00" in value:
        raise ValueError
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant == BEFORE_ALL:
        return instant
    if instant.tzinfo is None:
        raise ValueError
    # Converting an instant at the very start or end of the calendar to UTC raises OverflowError.
    return instant.astimezone(UTC)


def _invalid_cursor() -> InvalidPayloadError:
    return InvalidPayloadError(
        [FieldError("query:cursor", "invalid_cursor", "This list did not make it, in this order")]
    )
