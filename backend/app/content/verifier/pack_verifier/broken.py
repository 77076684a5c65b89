"""The error by which the verifier reports what is wrong with a pack."""

from __future__ import annotations


class BrokenError(Exception):
    """The pack fails a check. The message says which; verifying ends there."""


def require(holds: object, reason: str) -> None:
    if not holds:
        raise BrokenError(reason)
