"""What the entry that continues takes over from another entry of the same person."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple
from uuid import UUID

from app.domain.recurrence import add_days


class Workplace(NamedTuple):
    location_id: UUID | None
    department: str | None
    job_title: str | None

    def is_within(self, other: "Workplace") -> bool:
        """Whether the other place says all of this one; what is not known is no difference."""
        return all(mine in {None, its} for mine, its in zip(self, other, strict=True))


@dataclass(frozen=True, slots=True)
class Spell:
    """Where somebody works from a day on, until the next; `place` is None without employment."""

    starts_on: date
    place: Workplace | None


@dataclass(frozen=True, slots=True)
class Posting:
    """Both days are inclusive."""

    place: Workplace
    starts_on: date
    ends_on: date | None


def before(own: Sequence[Spell], other: Iterable[Spell]) -> int:
    """Return how many of the other's spells begin before the entry's own first one."""
    return sum(spell.starts_on < own[0].starts_on for spell in other)


def postings(own: Sequence[Spell], other: Sequence[Spell]) -> list[Posting]:
    """Return where else the person worked by the other entry, since their own first day.

    Of what holds today the end is not known: the two offices go on, until somebody says otherwise.
    """
    found = (
        Posting(spell.place, max(spell.starts_on, own[0].starts_on), _day_before(following))
        for spell, following in _pairs(other)
        if spell.place and spell.place.location_id
    )
    return [*_joined(each for each in found if _is_elsewhere(each, own))]


def _pairs(spells: Sequence[Spell]) -> Iterator[tuple[Spell, Spell | None]]:
    return zip(spells, [*spells[1:], None], strict=True)


def _day_before(following: Spell | None) -> date | None:
    return add_days(following.starts_on, -1) if following else None


def _is_elsewhere(posting: Posting, own: Sequence[Spell]) -> bool:
    """Whether it was after the own first day, and on some day not where the entry itself was."""
    last = posting.ends_on or date.max
    if posting.starts_on > last:
        return False
    during = [
        spell.place
        for spell, following in _pairs(own)
        if spell.starts_on <= last and (_day_before(following) or date.max) >= posting.starts_on
    ]
    return any(place is None or not posting.place.is_within(place) for place in during)


def _joined(postings: Iterable[Posting]) -> Iterator[Posting]:
    """Make one of those that follow each other at one place."""
    held: Posting | None = None
    for posting in postings:
        follows = held and held.ends_on and add_days(held.ends_on, 1) == posting.starts_on
        if held and follows and held.place == posting.place:
            held = replace(held, ends_on=posting.ends_on)
            continue
        if held:
            yield held
        held = posting
    if held:
        yield held
