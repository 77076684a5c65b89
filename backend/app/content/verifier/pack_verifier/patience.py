"""How long the verifier works on a pack, which may be made to take very long."""

from __future__ import annotations

from time import monotonic

from .broken import require

MINUTES = 60
_SECONDS = 60


class Patience:
    """The time that is left.

    Whatever reads a pack asks `patience` before it goes on, every second at least.
    """

    def __init__(self) -> None:
        self.begin(MINUTES)

    def begin(self, minutes: float) -> None:
        self._minutes = minutes
        self._end = monotonic() + minutes * _SECONDS

    def require_time(self) -> None:
        in_time = monotonic() <= self._end
        require(in_time, f"this took {self._minutes:g} minutes; give it more with --minutes")


patience = Patience()
