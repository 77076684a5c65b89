"""What services know about a request: its caller, its id and its Idempotency-Key."""

from dataclasses import dataclass

from app.core.auth.security import Claims
from app.domain.actor import Actor


@dataclass(frozen=True, slots=True)
class IdempotencyRequest:
    """`fingerprint` is the SHA-256 over method, path, query and body."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class RequestContext:
    """`actor` is None for the system itself and for operators on the command line."""

    actor: Actor | None = None
    request_id: str | None = None
    idempotency: IdempotencyRequest | None = None
    claims: Claims | None = None
    """Whom a token names, where the use case's own statement finds the row as well."""

    lacks_second_factor: bool = False
    """Whether the caller sees everybody, but may write for nobody else in this session."""


SYSTEM = RequestContext()
