"""What may happen at an office, and what an entry about it may say."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum

from app.core.errors import FieldError
from app.domain.fields import EARLIEST_DAY


class IncidentKind(StrEnum):
    EXPOSURE = "exposure"
    BREACH = "breach"
    NEAR_MISS = "near_miss"
    COMPLAINT = "complaint"


def faults(
    day: date, retrain_by: date, steps_due_on: Iterable[date], todays: Sequence[date]
) -> Iterator[FieldError]:
    """Return what contradicts itself; `todays` are the days that it is at the offices now."""
    if day > max(todays):
        yield FieldError("/day", "in_the_future", "The incident is still to come")
    if day < EARLIEST_DAY:
        yield FieldError("/day", "too_early", "No incident is that old")
    if retrain_by <= day:
        yield FieldError("/retrain_by", "before_incident", "Training comes after the incident")
    elif retrain_by < min(todays):
        yield FieldError("/retrain_by", "in_the_past", "Nobody can train by this day any more")
    for number, due_on in enumerate(steps_due_on):
        if due_on < day:
            pointer = f"/steps/{number}/due_on"
            yield FieldError(pointer, "before_incident", "Steps come after the incident")


def completion_faults(done_on: date, day: date, today: date) -> Iterator[FieldError]:
    """Return why a corrective step of an incident of `day` cannot have been done on a day."""
    if done_on > today:
        yield FieldError("/done_on", "in_the_future", "It is still to come")
    if done_on < day:
        yield FieldError("/done_on", "before_incident", "The incident had not happened then")
