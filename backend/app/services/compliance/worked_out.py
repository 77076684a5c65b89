"""Writes what was worked out to the matrix and the periods, where it differs from what is kept."""

import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from app.domain.compliance import CertificationPeriod
from app.domain.compliance.timeline import Segment, Timeline, timeline
from app.models.compliance.compliance_segment import Dimension
from app.repositories.compliance.certification_period import PeriodKey
from app.repositories.compliance.compliance_segment import CountChange, SegmentRow
from app.services.compliance.compliance_facts import Catalogue, PersonHistory
from app.services.compliance.own_duty import Changer
from app.services.unit_of_work import UnitOfWork

WorkedOut = Sequence[tuple[PersonHistory, uuid.UUID, Timeline]]


def timeline_of(
    catalogue: Catalogue, history: PersonHistory, requirement_id: uuid.UUID
) -> Timeline:
    facts = history.facts(catalogue, requirement_id)
    rules = history.rules(requirement_id)
    return timeline(facts, rules, history.worked, history.today)


async def write_segments(
    uow: UnitOfWork,
    people: list[uuid.UUID],
    scope: set[uuid.UUID],
    worked_out: WorkedOut,
    changer: Changer,
) -> int:
    fresh = {
        row
        for history, requirement_id, found in worked_out
        for segment in found.segments
        for row in segment_rows(history.user_id, requirement_id, segment)
    }
    known = await uow.compliance_segments.of_people(people, list(scope))
    gone, made = known - fresh, fresh - known
    if gone or made:
        changer.refuse_own_release(known, fresh, _todays(worked_out))
        days = await uow.compliance_segments.kept_days()
        await uow.compliance_segments.replace(gone, made, _todays(worked_out))
        await uow.compliance_segments.add_counts(_count_changes(known, fresh, days))
    return len(gone) + len(made)


def segment_rows(
    user_id: uuid.UUID, requirement_id: uuid.UUID, segment: Segment
) -> Iterator[SegmentRow]:
    """Yield the row of the segment, and one more for each further place where the person works."""
    for number, person in enumerate(segment.person.places):
        yield SegmentRow(
            user_id,
            requirement_id,
            segment.starts_on,
            segment.ends_on,
            segment.status,
            segment.due_on,
            segment.valid_through,
            segment.met_by,
            person.location_id,
            person.department,
            person.job_title,
            number,
        )


def _count_changes(
    known: set[SegmentRow], fresh: set[SegmentRow], days: Sequence[date]
) -> Counter[CountChange]:
    """Count those again who are shown otherwise than before, and nobody twice under one key."""
    changed = {(row.user_id, row.requirement_id) for row in known ^ fresh}
    before, after = (
        {
            (row.user_id, change)
            for row in rows
            if (row.user_id, row.requirement_id) in changed
            for change in _counted(row, days)
        }
        for rows in (known, fresh)
    )
    changes = Counter(change for _, change in _once(after))
    changes.subtract(Counter(change for _, change in _once(before)))
    return changes


def _once(counted: set[tuple[uuid.UUID, CountChange]]) -> Iterator[tuple[uuid.UUID, CountChange]]:
    """Leave out who is counted under the same key already, where they work first of all."""
    for user_id, change in counted:
        first = replace(change, dimension=change.dimension.first)
        if first == change or (user_id, first) not in counted:
            yield user_id, change


def _counted(row: SegmentRow, days: Sequence[date]) -> Iterator[CountChange]:
    location = str(row.location_id) if row.location_id else None
    keys = (
        (Dimension.LOCATION, location),
        (Dimension.DEPARTMENT, row.department),
        (Dimension.JOB_TITLE, row.job_title),
    )
    for day in days:
        if row.starts_on <= day <= row.ends_on:
            for dimension, key in keys:
                counted = dimension.also if row.place else dimension
                yield CountChange(day, counted, key, row.requirement_id, row.status)


async def write_periods(
    uow: UnitOfWork, people: list[uuid.UUID], scope: set[uuid.UUID], worked_out: WorkedOut
) -> int:
    fresh: dict[PeriodKey, CertificationPeriod] = {
        (history.user_id, requirement_id, period.number): period
        for history, requirement_id, found in worked_out
        for period in found.periods
    }
    known = await uow.certification_periods.of_people(people, list(scope))
    today = _todays(worked_out)
    settled = {key for key, period in known.items() if _is_history(period, today[key[0]])}
    changed = {key: period for key, period in fresh.items() if known.get(key) != period}
    gone = known.keys() - fresh.keys()
    await uow.certification_periods.supersede(list(settled & (changed.keys() | gone)), today)
    await uow.certification_periods.remove(list(gone - settled))
    await uow.certification_periods.write(changed)
    return len(changed) + len(gone)


def _todays(worked_out: WorkedOut) -> dict[uuid.UUID, date]:
    return {history.user_id: history.today for history, _, _ in worked_out}


def _is_history(period: CertificationPeriod, today: date) -> bool:
    """Whether a period closed on a day that is over. It is then kept, even if it proved wrong."""
    return period.closed_on is not None and period.closed_on < today
