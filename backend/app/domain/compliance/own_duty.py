"""Nobody frees themselves of training, whatever they change: a rule, a place, a date, a word.

Compared is what is shown of somebody for one requirement, before and after their own change.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto
from typing import Final
from uuid import UUID

from app.domain.compliance.status import ComplianceStatus
from app.domain.recurrence import add_days

_FREE: Final = frozenset({ComplianceStatus.NOT_REQUIRED, ComplianceStatus.EXEMPT})
_COVERED: Final = frozenset({ComplianceStatus.COMPLIANT, ComplianceStatus.DUE_SOON})
_LATE: Final = frozenset({ComplianceStatus.OVERDUE, ComplianceStatus.EXPIRED})


class Change(Enum):
    """What somebody changes. It decides which ends and later days free them."""

    PERSON = auto()
    """People, or places and words by which rules mean them: any does."""

    RULE = auto()
    """For everybody: any does, unless they hold valid evidence today and so have nothing to do."""

    MODULE = auto()
    """For everybody, and part of an author's work: those of a rule under which they are late."""

    NOTHING = auto()
    """Training was done, or somebody else has changed something: nobody frees themselves by it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown from one day through another; where there is nothing, no rule is in force."""

    starts_on: date
    ends_on: date
    status: ComplianceStatus
    due_on: date | None
    met_by: UUID | None


def frees(before: Iterable[Shown], after: Iterable[Shown], today: date, change: Change) -> bool:
    """Say whether a change frees whoever makes it from today on, or gives them more time."""
    if change is Change.NOTHING:
        return False
    known, found = tuple(before), tuple(after)
    shown = (*known, *found)
    turns = {*(each.starts_on for each in shown), *(add_days(each.ends_on, 1) for each in shown)}
    bound = _is_bound(change, _on(known, today))
    return any(
        _frees(_on(known, day), _on(found, day), bound=bound)
        for day in {today, *(day for day in turns if day > today)}
    )


def _is_bound(change: Change, held: Shown | None) -> bool:
    match change:
        case Change.RULE:
            return held is None or held.status not in _COVERED
        case Change.MODULE:
            return held is not None and held.status in _LATE
        case _:
            return True


def _on(shown: Iterable[Shown], day: date) -> Shown | None:
    return next((each for each in shown if each.starts_on <= day <= each.ends_on), None)


def _frees(before: Shown | None, after: Shown | None, *, bound: bool) -> bool:
    if before is None or before.status in _FREE:
        return False
    if after is None:
        return bound
    if after.status in _FREE:
        return True
    if before.status in _LATE and after.status in _COVERED:
        return bound  # nobody has learned anything by a change of rules or people
    if before.status in _COVERED or after.met_by != before.met_by:
        return False
    gains = before.due_on is not None and (after.due_on is None or after.due_on > before.due_on)
    return gains and bound
