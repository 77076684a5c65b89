"""What all request and response models share."""

import json
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    MISSING,
    AfterValidator,
    BaseModel,
    ConfigDict,
    EmailStr,
    Field,
    StringConstraints,
)

from app.core.email_domain import comparable_email
from app.domain.fields import StorableText, Whole, is_storable, refuse

T = TypeVar("T")

MAX_JSON_CHARACTERS = 16_384


class Payload(BaseModel):
    """A request body. Unknown fields are refused: nothing sets what it may not set."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class Changes(Payload):
    """A PATCH body. A field is `X | MISSING = MISSING`: left out, it stays as it is.

    MISSING is in no JSON schema, so that no client fills in a default that nobody meant.
    """


class Resource(BaseModel):
    """A response body, read from rows by attribute."""

    model_config = ConfigDict(from_attributes=True)


class Versioned(Resource):
    """A response body that names the state it shows: If-Match and If-None-Match compare that."""

    etag: str = Field(exclude=True)
    """Not in the body: routers send it as the header."""


class ListOf(Resource, Generic[T]):
    items: list[T]
    next_cursor: str | None = None
    total: int | None = Field(None, exclude_if=lambda total: total is None)
    """Only present with `include_total=true`."""


def given(value: T | MISSING) -> T | None:
    """Return what was sent, None where nothing was."""
    return None if value is MISSING else value


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
Reason = Annotated[
    StorableText, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)
]
Paragraph = Annotated[StorableText, StringConstraints(max_length=5_000)]
Email = Annotated[EmailStr, StringConstraints(max_length=320), AfterValidator(comparable_email)]
JsonMap = Annotated[dict[str, Any], AfterValidator(_storable_json)]
Position = Annotated[int, Field(ge=1, le=10_000, strict=True), Whole]
