"""The return values of services. Routers turn them into HTTP answers; retries get them again."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from app.core.errors import FieldError, InvalidPayloadError
from app.schemas.base import Versioned

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Rendered(Generic[M]):
    """The JSON of an `M`. The hot operations make the JSON directly, without building the model."""

    json: bytes


T_co = TypeVar("T_co", bound=BaseModel | Rendered[Any], covariant=True)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T_co]):
    value: T_co
    created: bool = False
    """Whether the request made the value; False where it was there already."""


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """An answer in the form in which it is sent, and kept for retries."""

    body: bytes
    created: bool
    etag: str | None

    @classmethod
    def of(cls, answer: Answer[Any]) -> "WrittenAnswer":
        value = answer.value
        etag = value.etag if isinstance(value, Versioned) else None
        return cls(as_json(value), answer.created, etag)


def as_json(value: BaseModel | Rendered[Any]) -> bytes:
    return value.json if isinstance(value, Rendered) else value.model_dump_json().encode()


class ReplayedAnswer(Exception):  # noqa: N818  # an answer that leaves the use case, no error
    """The same request was answered before; this is that answer."""

    def __init__(self, written: WrittenAnswer) -> None:
        super().__init__()
        self.written = written


class IdempotencyKeyReusedError(InvalidPayloadError):
    code = "idempotency_key_reused"
    title = "This Idempotency-Key was used for another request"

    def __init__(self) -> None:
        detail = "Every request has a key of its own"
        super().__init__([FieldError("header:Idempotency-Key", self.code, detail)])
