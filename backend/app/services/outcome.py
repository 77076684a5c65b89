"""What a use case answers, in a form that can be kept for retries."""

from dataclasses import dataclass

from pydantic import BaseModel

from app.core.errors import FieldError, InvalidPayloadError


@dataclass(frozen=True, slots=True)
class Outcome:
    """`body` is JSON. `location` is the new resource's path below the API's base path."""

    body: bytes
    created: bool = False
    etag: str | None = None
    location: str | None = None

    @classmethod
    def of(
        cls,
        value: BaseModel,
        *,
        created: bool = False,
        etag: str | None = None,
        location: str | None = None,
    ) -> "Outcome":
        return cls(value.model_dump_json().encode(), created, etag, location)


class ReplayedOutcome(Exception):  # noqa: N818  # an answer that leaves the use case, no error
    """The same request was answered before; this is that answer."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


class IdempotencyKeyReusedError(InvalidPayloadError):
    def __init__(self) -> None:
        code, title = "idempotency_key_reused", "This Idempotency-Key was used for another request"
        fault = FieldError("header:Idempotency-Key", code, "Every request has a key of its own")
        super().__init__([fault], code=code, title=title)
