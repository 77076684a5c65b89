"""The errors that clients see, each with its HTTP status and a stable code (RFC 9457).

Subclasses live beside the service that raises them; the kinds that several services share are here.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class AppError(Exception):
    """Base of every error with a contract: `code` is stable, `detail` is for people."""

    def __init__(
        self,
        code: str,
        status: int,
        title: str,
        detail: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        **extra: object,
    ) -> None:
        super().__init__(detail or title)
        self.code = code
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = headers or {}
        self.extra = extra


class NotAuthenticatedError(AppError):
    def __init__(self, code: str = "not_authenticated", detail: str | None = None) -> None:
        super().__init__(
            code,
            401,
            "Sign in to use this",
            detail,
            headers={"WWW-Authenticate": "Bearer"},
        )


class ForbiddenError(AppError):
    def __init__(self, code: str = "forbidden", detail: str | None = None) -> None:
        super().__init__(code, 403, "You may not do this", detail)


class NotFoundError(AppError):
    """Also raised for rows that exist but that the actor may not see."""

    def __init__(self, noun: str) -> None:
        super().__init__(f"{noun}_not_found", 404, f"There is no such {noun.replace('_', ' ')}")


class ConflictError(AppError):
    def __init__(self, code: str, title: str, detail: str | None = None, **extra: object) -> None:
        super().__init__(code, 409, title, detail, headers=None, **extra)


class PreconditionRequiredError(AppError):
    def __init__(self) -> None:
        super().__init__(
            "precondition_required",
            428,
            "Send If-Match with the ETag of the version you changed",
        )


class PreconditionFailedError(AppError):
    def __init__(self) -> None:
        super().__init__(
            "precondition_failed",
            412,
            "Somebody changed this since you read it",
            "Read it again, apply your change to the new version and send its ETag.",
        )


def pointer_to(*parts: str | int) -> str:
    """Return the JSON pointer (RFC 6901) through these members and indexes."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


@dataclass(frozen=True, slots=True)
class FieldError:
    """One fault of a payload. `pointer` is an RFC 6901 pointer into the body, or `query:name`."""

    pointer: str
    code: str
    detail: str
    near: tuple[str, ...] = ()
    """Listed words that may have been meant, where a word is in no list."""

    @property
    def document(self) -> dict[str, object]:
        said: dict[str, object] = {
            "pointer": self.pointer,
            "code": self.code,
            "detail": self.detail,
        }
        return said | {"near": list(self.near)} if self.near else said


_OUR_WORDS = {
    "json_invalid": "JSON is expected",
    "model_attributes_type": "A JSON object is expected, sent as application/json",
    "uuid_parsing": "A UUID is expected",
    "union_tag_invalid": "This kind is unknown",
    "value_error": "This value is not valid",
}


def fault_detail(kind: str, message: str) -> str:
    """Return a validator's message, or our own where that quotes the value or says little."""
    return _OUR_WORDS.get(kind, message)


class InvalidPayloadError(AppError):
    """422. The details say what is wrong and where, never the offending value."""

    def __init__(
        self,
        errors: Sequence[FieldError],
        *,
        code: str = "invalid_payload",
        title: str = "Some fields are not valid",
        detail: str | None = None,
    ) -> None:
        super().__init__(
            code,
            422,
            title,
            detail,
            errors=[error.document for error in errors],
        )

    @staticmethod
    def at(pointer: str, code: str, detail: str) -> "InvalidPayloadError":
        return InvalidPayloadError([FieldError(pointer, code, detail)])


class UnavailableError(AppError):
    """503: nothing is wrong with the request; the same one may succeed a little later."""

    def __init__(self, code: str, title: str, *, retry_after_seconds: int = 1) -> None:
        super().__init__(code, 503, title, headers={"Retry-After": str(retry_after_seconds)})
