"""What all request and response models share."""

from typing import Generic, TypeVar

from pydantic import MISSING, BaseModel, ConfigDict, Field

T = TypeVar("T")


class Payload(BaseModel):
    """A request body. Unknown fields are refused: nothing sets what it may not set."""

    model_config = ConfigDict(
        extra="forbid", str_strip_whitespace=True, use_attribute_docstrings=True
    )


class Changes(Payload):
    """A PATCH body. A field is `X | MISSING = MISSING`: left out, it stays as it is.

    MISSING is in no JSON schema, so that no client fills in a default that nobody meant.
    """


class Resource(BaseModel):
    """A response body, read from rows by attribute."""

    model_config = ConfigDict(from_attributes=True, use_attribute_docstrings=True)


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
