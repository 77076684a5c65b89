"""Writes what was worked out to the matrix and the periods, where it differs from what is kept."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
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
    rules = history.rules(catalogue, requirement_id)
    return timeline(facts, rules, history.worked, history.today)


async def write_segments(
    uow: UnitOfWork,
    people: list[uuid.UUID],
    scope: set[uuid.UUID],
    worked_out: WorkedOut,
    changer: Changer,
) -> int:
    fresh = {
        segment_row(history.user_id, requirement_id, segment)
        for history, requirement_id, found in worked_out
        for segment in found.segments
    }
    known = await uow.compliance_segments.of_people(people, list(scope))
    gone, made = known - fresh, fresh - known
    if gone or made:
        changer.refuse_own_release(known, fresh, _todays(worked_out))
        days = await uow.compliance_segments.kept_days()
        await uow.compliance_segments.replace(gone, made, _todays(worked_out))
        await uow.compliance_segments.add_counts(_count_changes(gone, made, days))
    return len(gone) + len(made)


def segment_row(user_id: uuid.UUID, requirement_id: uuid.UUID, segment: Segment) -> SegmentRow:
    return SegmentRow(
        user_id,
        requirement_id,
        segment.starts_on,
        segment.ends_on,
        segment.status,
        segment.due_on,
        segment.valid_through,
        segment.met_by,
        segment.person.location_id,
        segment.person.department,
        segment.person.job_title,
    )


def _count_changes(
    gone: Iterable[SegmentRow], made: Iterable[SegmentRow], days: Sequence[date]
) -> Counter[CountChange]:
    changes: Counter[CountChange] = Counter()
    for rows, sign in ((gone, -1), (made, 1)):
        for row in rows:
            for day in days:
                if row.starts_on <= day <= row.ends_on:
                    changes.update(dict.fromkeys(_counted(row, day), sign))
    return changes


def _counted(row: SegmentRow, day: date) -> Iterator[CountChange]:
    location = str(row.location_id) if row.location_id else None
    for dimension, key in (
        (Dimension.LOCATION, location),
        (Dimension.DEPARTMENT, row.department),
        (Dimension.JOB_TITLE, row.job_title),
    ):
        yield CountChange(day, dimension, key, row.requirement_id, row.status)


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
