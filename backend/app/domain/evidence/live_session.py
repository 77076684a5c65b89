"""When a class may have been held, and what closing it does for those who attended."""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

BACKDATED = timedelta(days=14)
"""A class held longer ago is entered as external evidence, which a second person verifies."""

LEAST_SECONDS = 60
"""A class of which less counts for somebody is no evidence: they were elsewhere at that time."""


@dataclass(frozen=True, slots=True)
class Attendee:
    user_id: uuid.UUID
    enrolled: bool
    """Whether an enrollment of theirs, open or just completed, has the class as a section."""

    active: bool
    seconds: int
    """How much of the class counts for them."""


@dataclass(frozen=True, slots=True)
class ClassResult:
    completed: list[uuid.UUID]
    """People in whose enrollment the live section is completed."""

    credited: list[uuid.UUID]
    """People without such an enrollment whom attending credits with the whole module."""

    not_enrolled: list[uuid.UUID]
    """People for whom attending completes nothing.

    They left the module, it requires more than the class, or they studied or attended something
    else at that time.
    """


def class_result(
    section_id: uuid.UUID, attendees: Iterable[Attendee], required: Collection[uuid.UUID]
) -> ClassResult:
    """Sort those who attended; `required` are the sections that the published module requires.

    An enrollment is completed section by section. Without one, attending counts as the module
    where the class is all that it requires.
    """
    result = ClassResult([], [], [])
    suffices = set(required) == {section_id}
    for each in attendees:
        if each.enrolled:
            result.completed.append(each.user_id)
        elif suffices and each.active and each.seconds >= LEAST_SECONDS:
            result.credited.append(each.user_id)
        else:
            result.not_enrolled.append(each.user_id)
    return result


def is_too_long_ago(starts_at: datetime, now: datetime) -> bool:
    return starts_at < now - BACKDATED


def ends_at(starts_at: datetime, duration_minutes: int) -> datetime:
    return starts_at + timedelta(minutes=duration_minutes)


def is_before_publication(starts_at: datetime, published_at: datetime) -> bool:
    """Whether a class was held before the module was first published, by days in UTC."""
    return starts_at.date() < published_at.date()
