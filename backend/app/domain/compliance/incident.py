"""What may happen at an office, and what an entry about it may say."""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum

from app.core.errors import FieldError
from app.domain.fields import EARLIEST_DAY


class IncidentKind(StrEnum):
    EXPOSURE = "exposure"
    BREACH = "breach"
    NEAR_MISS = "near_miss"
    COMPLAINT = "complaint"


def faults(day: date, retrain_by: date, today: date) -> Iterator[FieldError]:
    """Return the days that contradict each other; `today` is the latest day at any office."""
    if day > today:
        yield FieldError("/day", "in_the_future", "The incident is still to come")
    if day < EARLIEST_DAY:
        yield FieldError("/day", "too_early", "No incident is that old")
    if retrain_by < day:
        yield FieldError("/retrain_by", "before_incident", "Training comes after the incident")
