"""Optimistic concurrency over HTTP: strong ETags and If-Match (RFC 9110, 13.1.1)."""

from dataclasses import dataclass

from app.core.errors import PreconditionFailedError, PreconditionRequiredError


@dataclass(frozen=True, slots=True)
class Precondition:
    """What the client says it has read. `etags` is None where it sent no If-Match."""

    etags: frozenset[str] | None

    @classmethod
    def parse(cls, header: str | None) -> "Precondition":
        if header is None:
            return cls(None)
        return cls(frozenset(etag.strip() for etag in header.split(",") if etag.strip()))

    def require(self, *current: str) -> None:
        """Pass when the client named one of the `current` ETags, or `*`.

        A part of an owner passes its own ETag and the owner's: knowing either is proof enough
        that nothing the client changes has changed meanwhile.
        """
        if not self.etags:
            raise PreconditionRequiredError
        self.check(*current)

    def check(self, *current: str) -> None:
        """Pass as `require` does, and where the client sent no If-Match at all."""
        if self.etags is not None and "*" not in self.etags and self.etags.isdisjoint(current):
            raise PreconditionFailedError
