"""Enrolls people in what their open periods ask for, and no longer in what nothing asks for."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from app.models.study.enrollment import EnrollmentSource
from app.repositories.compliance.rule_enrollment import Assigned, OpenEnrollment
from app.services.compliance.compliance_facts import Catalogue
from app.services.unit_of_work import UnitOfWork

PersonAndModule = tuple[uuid.UUID, uuid.UUID]
Due = dict[PersonAndModule, date | None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Any one of these modules would settle an open period."""

    user_id: uuid.UUID
    any_of: tuple[uuid.UUID, ...]
    due_on: date | None


async def enroll_as_required(
    uow: UnitOfWork,
    people: Sequence[uuid.UUID],
    catalogue: Catalogue,
    scope: Iterable[uuid.UUID],
    wanted: Sequence[Wanted],
) -> tuple[int, int, int]:
    """Return how many enrollments were made, dated anew and withdrawn.

    Who has begun one of several modules goes on with it; others get the oldest. An enrollment
    that somebody has begun is never taken away, it only loses its date.
    """
    touched = frozenset[uuid.UUID]().union(*(catalogue.modules[each] for each in scope))
    open_now = {
        (row.user_id, row.module_id): row
        for row in await uow.rule_enrollments.open_of(people)
        if row.module_id in touched
    }
    versions = await uow.requirements.assignable_modules()
    due = _due(wanted, open_now, versions)
    missing = [
        Assigned(key[0], key[1], versions[key[1]], due_on)
        for key, due_on in due.items()
        if key not in open_now
    ]
    idle = {key: row for key, row in open_now.items() if key not in due and _is_ours(row)}
    withdrawn = [row.id for row in idle.values() if not row.started]
    dated = dict(_dates(open_now, due)) | {
        row.id: None for row in idle.values() if row.started and row.due_on
    }
    return (
        await uow.rule_enrollments.assign(missing, uow.actor_id, uow.request_id),
        await uow.rule_enrollments.date(dated),
        await uow.rule_enrollments.withdraw(withdrawn, uow.actor_id, uow.request_id),
    )


def _due(
    wanted: Sequence[Wanted],
    open_now: dict[PersonAndModule, OpenEnrollment],
    versions: dict[uuid.UUID, uuid.UUID],
) -> Due:
    """Return the earliest date by which each person has to complete each module."""
    due: Due = {}
    for each in wanted:
        for module_id in _chosen(each, open_now, versions):
            key = each.user_id, module_id
            due[key] = _earlier(due[key], each.due_on) if key in due else each.due_on
    return due


def _chosen(
    wanted: Wanted,
    open_now: dict[PersonAndModule, OpenEnrollment],
    versions: dict[uuid.UUID, uuid.UUID],
) -> list[uuid.UUID]:
    begun = [each for each in wanted.any_of if (wanted.user_id, each) in open_now]
    return begun or [each for each in wanted.any_of if each in versions][:1]


def _is_ours(row: OpenEnrollment) -> bool:
    return row.source is EnrollmentSource.RULE


def _dates(
    open_now: dict[PersonAndModule, OpenEnrollment], due: Due
) -> Iterator[tuple[uuid.UUID, date | None]]:
    """Yield the new dates of open enrollments; one that a manager set is only moved forward."""
    for key, due_on in due.items():
        row = open_now.get(key)
        if row is None:
            continue
        dated = due_on if _is_ours(row) else _earlier(row.due_on, due_on)
        if dated != row.due_on:
            yield row.id, dated


def _earlier(one: date | None, other: date | None) -> date | None:
    return min((day for day in (one, other) if day), default=None)
