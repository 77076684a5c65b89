"""Reads days and instants, and tells what a pack proves of the day of a piece of evidence.

A pack has days as they were where somebody works, and instants in UTC. An instant's day depends on
the zone: `first_day` and `last_day` are those at the two ends of the earth.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from .broken import BrokenError

BEHIND_UTC, AHEAD_OF_UTC = timedelta(hours=12), timedelta(hours=14)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?(?:Z|\+00:00)\Z")


class Proof(NamedTuple):
    """Whose a piece of evidence is, and its days. It does not say which requirement it meets."""

    user_id: str
    day: date
    recorded_on: date
    printed_expiry: date | None = None
    withdrawn_on: date | None = None

    def counts(self, known_on: date | None) -> bool:
        """Tell whether it was there, and not withdrawn; None asks about all that the pack knows."""
        if known_on is None:
            return self.withdrawn_on is None
        withdrawn = self.withdrawn_on is not None and self.withdrawn_on <= known_on
        return not withdrawn and max(self.day, self.recorded_on) <= known_on


def day_of(text: object, what: str) -> date:
    """Read a day as the pack writes it; later Pythons read it in other forms as well."""
    try:
        if isinstance(text, str) and _DAY.match(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise BrokenError(what + " is no day")


def day_or_none(text: object, what: str) -> date | None:
    return None if text is None else day_of(text, what)


def moment(text: str) -> datetime:
    """Read an instant in UTC. Python 3.8 reads only three or six digits after the second."""
    found = _INSTANT.match(text)
    if not found:
        raise BrokenError("no instant in UTC: " + text)
    whole, fraction = found.groups()
    return datetime.fromisoformat(f"{whole}.{(fraction or '0'):0<6}+00:00")


def first_day(instant: str) -> date:
    return (moment(instant) - BEHIND_UTC).date()


def last_day(instant: str) -> date:
    return (moment(instant) + AHEAD_OF_UTC).date()
