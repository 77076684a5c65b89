"""What a verifier says that found something wrong."""

from __future__ import annotations


class BrokenError(Exception):
    """The first thing that does not hold."""


def require(holds: object, reason: str) -> None:
    if not holds:
        raise BrokenError(reason)
