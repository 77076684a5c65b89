"""Lists what a reconciliation would change in the reports, and why, without changing it."""

import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.domain.compliance import ComplianceStatus, assess
from app.domain.compliance.words import summary
from app.domain.recurrence import add_days
from app.repositories.compliance.compliance_segment import SegmentRow
from app.services.base import Service
from app.services.compliance.compliance_facts import (
    Catalogue,
    PersonHistory,
    load_catalogue,
    load_histories,
)
from app.services.compliance.reconciliation import BATCH
from app.services.compliance.worked_out import segment_rows, timeline_of
from app.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Shown:
    """What a report shows for one person, one requirement and one day."""

    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    met_by: uuid.UUID | None
    location_id: uuid.UUID | None
    department: str | None
    job_title: str | None
    place: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What is shown for `day`, and what would be. That is today, or the first day that differs."""

    user_id: uuid.UUID
    display_name: str
    email: str | None
    requirement_id: uuid.UUID
    requirement: str
    day: date
    before: Shown | None
    after: Shown | None
    reason: str


class ReconciliationChangesService(Service):
    async def list(self, user_ids: Sequence[uuid.UUID] | None = None) -> AsyncIterator[Change]:
        """Yield all changes. Each batch of people is read from one snapshot of the database."""
        async with self.reading() as uow:
            people = list(user_ids) if user_ids is not None else await uow.employment.people()
        for first in range(0, len(people), BATCH):
            async with self.snapshot() as uow:
                found = await _changes_of(uow, people[first : first + BATCH])
            for change in found:
                yield change


async def _changes_of(uow: UnitOfWork, people: list[uuid.UUID]) -> list[Change]:
    catalogue = await load_catalogue(uow)
    histories = await load_histories(uow, catalogue, people)
    known = _by_pair(await uow.compliance_segments.of_people(people, list(catalogue.rules)))
    titles, places = await uow.requirements.titles(), await uow.employment.location_names()
    names = await uow.employment.names(people)
    return [
        Change(
            user_id=history.user_id,
            display_name=names[history.user_id][0],
            email=names[history.user_id][1],
            requirement_id=requirement_id,
            requirement=titles[requirement_id],
            day=day,
            before=_shown(before, day),
            after=_shown(after, day),
            reason=_reason(catalogue, history, requirement_id, day, places),
        )
        for history in histories
        for requirement_id in sorted(catalogue.rules, key=lambda each: titles[each].lower())
        for before, after in [
            (
                known[history.user_id, requirement_id],
                [
                    row
                    for segment in timeline_of(catalogue, history, requirement_id).segments
                    for row in segment_rows(history.user_id, requirement_id, segment)
                ],
            )
        ]
        for day in _first_difference(before, after, history.today)
    ]


def _by_pair(rows: Iterable[SegmentRow]) -> dict[tuple[uuid.UUID, uuid.UUID], list[SegmentRow]]:
    found: dict[tuple[uuid.UUID, uuid.UUID], list[SegmentRow]] = defaultdict(list)
    for row in rows:
        found[row.user_id, row.requirement_id].append(row)
    return found


def _first_difference(
    before: Sequence[SegmentRow], after: Sequence[SegmentRow], today: date
) -> Iterator[date]:
    """Yield today if what is shown for it changes, else the first day for which it does, if any."""
    rows = (*before, *after)
    turns = sorted({day for row in rows for day in (row.starts_on, add_days(row.ends_on, 1))})
    for day in (today, *turns):
        if _shown(before, day) != _shown(after, day):
            yield day
            return


def _shown(rows: Iterable[SegmentRow], day: date) -> Shown | None:
    for row in rows:
        if row.starts_on <= day <= row.ends_on:
            return Shown(
                *(row.status, row.due_on, row.valid_through, row.met_by),
                *(row.location_id, row.department, row.job_title),
            )
    return None


def _reason(
    catalogue: Catalogue,
    history: PersonHistory,
    requirement_id: uuid.UUID,
    day: date,
    places: Mapping[str, str],
) -> str:
    """Explain in words why it will be shown so, with the day of the evidence that counts."""
    facts = history.facts(catalogue, requirement_id)
    line = assess(facts, history.rules(requirement_id), day).line
    reason = summary(line.why, places)
    held = next((item for item in facts.evidence if item.id == line.met_by), None)
    return f"{reason} Last shown on {held.day}." if held else reason
