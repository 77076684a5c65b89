"""Checks of a card at its source, such as a licence in the register of its board."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.core.errors import FieldError
from app.domain.fields import EARLIEST_DAY


class CheckResult(StrEnum):
    """`differs`: a card is there, and not as it was entered. `restricted`: by the authority."""

    CONFIRMED = "confirmed"
    NOT_FOUND = "not_found"
    EXPIRED = "expired"
    DIFFERS = "differs"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class CheckClaim:
    checked_on: date
    next_check_on: date | None


def faults(claim: CheckClaim, today: date) -> Iterator[FieldError]:
    """Return what a check cannot say; `today` is the day where the person works."""
    if claim.checked_on > today:
        yield FieldError("/checked_on", "in_the_future", "The check is still to come")
    if claim.checked_on < EARLIEST_DAY:
        yield FieldError("/checked_on", "too_early", "No check is that old")
    if claim.next_check_on is not None and claim.next_check_on <= claim.checked_on:
        yield FieldError("/next_check_on", "before_check", "The next check comes after this one")
