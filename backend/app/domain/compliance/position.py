"""Where else a person works, besides their primary position."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from app.domain.compliance.audience import Post
from app.domain.compliance.facts import EmploymentChange, EmploymentState, employment_on
from app.domain.recurrence import add_days


@dataclass(frozen=True, slots=True)
class Position:
    """What was said about a position on `recorded_on`. Of the same `id` the latest said holds."""

    id: UUID
    recorded_on: date
    starts_on: date
    ends_on: date | None
    post: Post
    withdrawn: bool = False


def with_positions(
    changes: Sequence[EmploymentChange], positions: Iterable[Position], known_on: date
) -> tuple[EmploymentChange, ...]:
    """Return the employment with the further posts of each day, as they are known on `known_on`.

    `changes` and `positions` come in hindsight and in the order in which they were recorded. On
    each day on which a position begins or is over, a change says so.
    """
    held = [_within(each, changes) for each in _known(positions, known_on)]
    if not held:
        return tuple(changes)
    turns = {each.starts_on for each in held}
    turns |= {add_days(each.ends_on, 1) for each in held if each.ends_on}
    turns -= {change.effective_on for change in changes}
    turned = [
        replace(change, effective_on=day, recorded_on=day)
        for day in sorted(turns)
        if (change := employment_on(changes, day))
    ]
    return tuple(_placed(change, held) for change in (*changes, *turned))


def _known(positions: Iterable[Position], known_on: date) -> list[Position]:
    last = {each.id: each for each in positions if each.recorded_on <= known_on}
    return [each for each in last.values() if not each.withdrawn]


def _within(position: Position, changes: Iterable[EmploymentChange]) -> Position:
    """Let a position end with the employment at the latest: whoever is hired again starts anew."""
    ends = [add_days(day, -1) for day in _terminations(changes) if day >= position.starts_on]
    ends += [position.ends_on] if position.ends_on else []
    return replace(position, ends_on=min(ends, default=None))


def _terminations(changes: Iterable[EmploymentChange]) -> Iterable[date]:
    return (each.effective_on for each in changes if each.state is EmploymentState.TERMINATED)


def _placed(change: EmploymentChange, positions: Iterable[Position]) -> EmploymentChange:
    day = change.effective_on
    posts = tuple(
        each.post
        for each in positions
        if each.starts_on <= day and (each.ends_on is None or day <= each.ends_on)
    )
    return replace(change, person=replace(change.person, elsewhere=posts))
