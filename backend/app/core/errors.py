"""The errors that clients see, each with its HTTP status and a stable code (RFC 9457).

Subclasses live beside the service that raises them; the kinds that several services share are here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NotRequired

from pydantic import Field
from typing_extensions import TypedDict


class AppError(Exception):
    """Base of every error with a contract: `code` is stable, `detail` is for people.

    The OpenAPI document describes the classes, so what clients may rely on is said by the class.
    """

    status: int
    code: str
    title: str
    detail: str | None = None
    members: ClassVar[Mapping[str, Any]] = {}
    """The types of what the problem document of this error has besides, by name."""

    def __init__(self, detail: str | None = None, **extra: Any) -> None:  # noqa: ANN401  # JSON
        self.detail = detail or self.detail
        super().__init__(self.detail or self.title)
        self.headers: dict[str, str] = {}
        self.extra = extra


class NotAuthenticatedError(AppError):
    code = "not_authenticated"
    status = 401
    title = "Sign in to use this"

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": "Bearer"}


class ForbiddenError(AppError):
    code = "forbidden"
    status = 403
    title = "You may not do this"


class NotFoundError(AppError):
    """Also raised for rows that exist but that the actor may not see."""

    status = 404

    def __init__(self, noun: str) -> None:
        self.code = f"{noun}_not_found"
        self.title = f"There is no such {noun.replace('_', ' ')}"
        super().__init__()


class ConflictError(AppError):
    status = 409


class PreconditionRequiredError(AppError):
    code = "precondition_required"
    status = 428
    title = "Send If-Match with the ETag of the version you changed"


class PreconditionFailedError(AppError):
    code = "precondition_failed"
    status = 412
    title = "Somebody changed this since you read it"
    detail = "Read it again, apply your change to the new version and send its ETag."


def pointer_to(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) through these members and indexes."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


class Fault(TypedDict):
    """A fault of the request and where it is, never the offending value."""

    pointer: Annotated[str, Field(description="JSON pointer into the body, or `query:name`")]
    code: str
    detail: Annotated[str, Field(description="What to tell a person")]
    near: NotRequired[
        Annotated[list[str], Field(description="Listed words that may have been meant")]
    ]


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a payload. `pointer` is an RFC 6901 pointer into the body, or `query:name`."""

    pointer: str
    code: str
    detail: str
    near: tuple[str, ...] = ()
    """Listed words that may have been meant, where a word is in no list."""

    @property
    def document(self) -> Fault:
        said: Fault = {"pointer": self.pointer, "code": self.code, "detail": self.detail}
        if self.near:
            said["near"] = list(self.near)
        return said


_A_LIST, _AN_OBJECT = "A list is expected", "A JSON object is expected"
_OUR_WORDS = {
    "tuple_type": _A_LIST,
    "list_type": _A_LIST,
    "set_type": _A_LIST,
    "frozen_set_type": _A_LIST,
    "model_type": _AN_OBJECT,
    "dict_type": _AN_OBJECT,
    "json_invalid": "JSON is expected",
    "model_attributes_type": "A JSON object is expected, sent as application/json",
    "uuid_parsing": "A UUID is expected",
    "union_tag_invalid": "This kind is unknown",
    "value_error": "This value is not valid",
}


def fault_detail(kind: str, message: str) -> str:
    """Return a validator's message, or our own where that quotes the value or says little."""
    return _OUR_WORDS.get(kind, message)


_FAULTS: list[Fault] = [
    {"pointer": "/module_id", "code": "uuid_parsing", "detail": "A UUID is expected"}
]


class InvalidPayloadError(AppError):
    """422. The details say what is wrong and where, never the offending value."""

    code = "invalid_payload"
    status = 422
    title = "Some fields are not valid"
    members: ClassVar = {"errors": Annotated[list[Fault], Field(examples=[_FAULTS])]}

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__(errors=[error.document for error in errors])

    @staticmethod
    def at(pointer: str, code: str, detail: str) -> "InvalidPayloadError":
        return InvalidPayloadError([FieldError(pointer, code, detail)])


class UnavailableError(AppError):
    """503: nothing is wrong with the request; the same one may succeed a little later."""

    status = 503
    retry_after_seconds = 1

    def __init__(self, detail: str | None = None) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(self.retry_after_seconds)}


class OverloadedError(UnavailableError):
    code = "overloaded"
    title = "Too many requests at once"
