"""What to enroll people in, date anew and withdraw, so that enrollments follow the open periods."""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

PersonAndModule = tuple[uuid.UUID, uuid.UUID]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Completing any one of these modules would meet an open period."""

    user_id: uuid.UUID
    any_of: tuple[uuid.UUID, ...]
    due_on: date | None


@dataclass(frozen=True, slots=True)
class OpenEnrollment:
    id: uuid.UUID
    user_id: uuid.UUID
    module_id: uuid.UUID
    follows_rules: bool
    """Whether a requirement made it; others are people's own, or a manager's."""

    due_on: date | None
    started: bool


@dataclass(frozen=True, slots=True)
class Assigned:
    user_id: uuid.UUID
    module_id: uuid.UUID
    version_id: uuid.UUID
    due_on: date | None


@dataclass(frozen=True, slots=True)
class EnrollmentPlan:
    assigned: list[Assigned]
    dated: dict[uuid.UUID, date | None]
    """The new dates of open enrollments, by their ids."""

    withdrawn: list[uuid.UUID]


def plan_enrollments(
    wanted: Iterable[Wanted],
    open_now: Iterable[OpenEnrollment],
    versions: Mapping[uuid.UUID, uuid.UUID],
) -> EnrollmentPlan:
    """Compare what is wanted with what is open; `versions` has the modules that can be assigned.

    Who has begun one of several modules goes on with it; others get the first. An enrollment that
    somebody has begun is never taken away, it only loses its date.
    """
    by_key = {(row.user_id, row.module_id): row for row in open_now}
    due = _due(wanted, by_key, versions)
    idle = [row for key, row in by_key.items() if key not in due and row.follows_rules]
    return EnrollmentPlan(
        assigned=[
            Assigned(user_id, module_id, versions[module_id], due_on)
            for (user_id, module_id), due_on in due.items()
            if (user_id, module_id) not in by_key
        ],
        dated=dict(_dates(by_key, due)) | {row.id: None for row in idle if _loses_date(row)},
        withdrawn=[row.id for row in idle if not row.started],
    )


def _loses_date(row: OpenEnrollment) -> bool:
    return row.started and row.due_on is not None


def _due(
    wanted: Iterable[Wanted],
    open_now: Mapping[PersonAndModule, OpenEnrollment],
    versions: Mapping[uuid.UUID, uuid.UUID],
) -> dict[PersonAndModule, date | None]:
    """Return the earliest date by which each person has to complete each module."""
    due: dict[PersonAndModule, date | None] = {}
    for each in wanted:
        for module_id in _chosen(each, open_now, versions):
            key = each.user_id, module_id
            due[key] = _earlier(due[key], each.due_on) if key in due else each.due_on
    return due


def _chosen(
    wanted: Wanted,
    open_now: Mapping[PersonAndModule, OpenEnrollment],
    versions: Mapping[uuid.UUID, uuid.UUID],
) -> Sequence[uuid.UUID]:
    begun = [each for each in wanted.any_of if (wanted.user_id, each) in open_now]
    return begun or [each for each in wanted.any_of if each in versions][:1]


def _dates(
    open_now: Mapping[PersonAndModule, OpenEnrollment],
    due: Mapping[PersonAndModule, date | None],
) -> Iterator[tuple[uuid.UUID, date | None]]:
    """Yield the new dates of open enrollments; one that a manager set is only moved forward."""
    for key, due_on in due.items():
        row = open_now.get(key)
        if row is None:
            continue
        dated = due_on if row.follows_rules else _earlier(row.due_on, due_on)
        if dated != row.due_on:
            yield row.id, dated


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day), default=None)
