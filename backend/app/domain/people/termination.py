"""What becomes of an employment when a termination turns out to have been a mistake."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Recorded:
    """A change of the employment. Of two for one day the later one holds."""

    id: UUID
    effective_on: date
    is_termination: bool
    state: str
    hired_on: date | None


@dataclass(frozen=True, slots=True)
class Restored:
    """What is to be recorded again, from which change, and with what."""

    id: UUID
    state: str
    hired_on: date | None


def without_termination(rows: Sequence[Recorded], voided: Recorded) -> list[Restored]:
    """Return what to record so that the employment is as if it had not ended; [] if it had before.

    `rows` are all changes in the order in which they hold, `voided` the last of its day. What was
    announced for later days, before or since, and ended with the termination, goes on. A rehire
    since was none: the date of hire of before holds.
    """
    earlier = rows[: rows.index(voided)]
    held = _held_before(earlier, rows, voided)
    if held is None or held.is_termination:
        return []
    return [Restored(voided.id, held.state, voided.hired_on), *_later(earlier, rows, voided, held)]


def _held_before(
    earlier: Sequence[Recorded], rows: Sequence[Recorded], voided: Recorded
) -> Recorded | None:
    day = voided.effective_on
    same_day = [row for row in earlier if row.effective_on == day and not row.is_termination]
    if same_day:
        return same_day[-1]
    before = {row.effective_on: row for row in rows if row.effective_on < day}
    return before[max(before)] if before else None


def _later(
    earlier: Sequence[Recorded], rows: Sequence[Recorded], voided: Recorded, held: Recorded
) -> Iterator[Restored]:
    since = (row for row in rows if not row.is_termination and row not in earlier)
    known = {row.effective_on: row for row in (*earlier, *since)}
    holding = {row.effective_on: row for row in rows if row.effective_on > voided.effective_on}
    current, rehired_on = held, None
    for day in sorted(holding):
        row = holding[day]
        if row.is_termination:
            current = known.get(day, current)
            yield Restored(row.id, current.state, row.hired_on)
            continue
        if row.hired_on == day and not current.is_termination:
            rehired_on = day
        if rehired_on is not None and row.hired_on == rehired_on:
            yield Restored(row.id, row.state, voided.hired_on)
        current = row
