"""All date arithmetic of the product. Due and expiry are dates, never instants.

No library is used, because the only thing needed from one would be adding months with clamping,
and that is three lines here.
"""

from calendar import monthrange
from collections.abc import Collection
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

MONTHS_PER_YEAR = 12


class Anchor(StrEnum):
    """The day from which a validity is counted."""

    COMPLETION = "completion"
    END_OF_MONTH = "end_of_month"
    FIXED_DATE = "fixed_date"
    HIRE_ANNIVERSARY = "hire_anniversary"
    LICENCE_CYCLE = "licence_cycle"
    POLICY_VERSION = "policy_version"
    PRINTED_EXPIRY = "printed_expiry"


class EarlyRenewal(StrEnum):
    """What a renewal inside the window does to the anniversary."""

    KEEP = "keep"
    REANCHOR = "reanchor"


ANNUAL_ANCHORS = frozenset({Anchor.FIXED_DATE, Anchor.HIRE_ANNIVERSARY, Anchor.POLICY_VERSION})
"""Anchors that recur on the same calendar day every year, whoever completes when."""


class MonthDay(NamedTuple):
    month: int
    day: int

    @classmethod
    def of(cls, day: date) -> "MonthDay":
        return cls(day.month, day.day)

    def in_year(self, year: int) -> date:
        """29 February is 28 February in common years. Stays within the calendar's ends."""
        if year < MINYEAR:
            return date.min
        if year > MAXYEAR:
            return date.max
        return date(year, self.month, min(self.day, monthrange(year, self.month)[1]))


@dataclass(frozen=True, slots=True)
class Schedule:
    """The day a series of validities started from, and the months granted since.

    Kept instead of the last expiry alone, so that a month end that was clamped once does not
    pull all later ones down (31 January, 28 February, 31 March).
    """

    start: date
    months: int

    @property
    def anniversary(self) -> date:
        return add_months(self.start, self.months)


@dataclass(frozen=True, slots=True)
class Validity:
    """`valid_through` is inclusive. None: does not expire."""

    valid_through: date | None
    schedule: Schedule | None = None

    def lasts_until(self, day: date) -> bool:
        return self.valid_through is None or day <= self.valid_through


@dataclass(frozen=True, slots=True)
class Recurrence:
    """How long a completion is valid. `months` None: until something else re-opens it."""

    anchor: Anchor
    months: int | None
    window_days: int = 0
    early_renewal: EarlyRenewal = EarlyRenewal.KEEP
    hard_cap_months: int | None = None
    shortest_days: int = 0


def add_days(day: date, days: int) -> date:
    """Stay within the calendar's ends, so that no date that a client sends can overflow."""
    wanted = day.toordinal() + days
    return date.fromordinal(min(max(wanted, date.min.toordinal()), date.max.toordinal()))


def add_months(day: date, months: int) -> date:
    """Clamp to the last day of the month: 31 January + 1 month is the end of February."""
    index = day.year * MONTHS_PER_YEAR + day.month - 1 + months
    year, month0 = divmod(index, MONTHS_PER_YEAR)
    return MonthDay(month0 + 1, day.day).in_year(year)


def end_of_month(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


def nth_annual(after: date, recurring: MonthDay, n: int) -> date:
    """Return the nth occurrence of a calendar day strictly after `after`; n counts from 1."""
    this_year = recurring.in_year(after.year)
    years_ahead = n - 1 if this_year > after else n
    return recurring.in_year(after.year + years_ahead)


def cycle_end(day: date, expiries: Collection[date], months: int) -> date:
    """Return the last day of the licence cycle that a day lies in.

    A cycle ends with a printed expiry and begins on the day after the one before. Before the first
    that is known and after the last, cycles are `months` long.
    """
    known = sorted(set(expiries))
    for end in known[1:]:
        if known[0] < day <= end:
            return end
    return _recurring_end(day, known[0] if day <= known[0] else known[-1], months)


def next_cycle_end(day: date, expiries: Collection[date], months: int) -> date:
    """Return the last day of the cycle after the one that a day lies in."""
    return cycle_end(add_days(cycle_end(day, expiries, months), 1), expiries, months)


def _recurring_end(day: date, end: date, months: int) -> date:
    """Return the first day not before `day` that lies a multiple of `months` from `end`."""
    apart = (day.year - end.year) * MONTHS_PER_YEAR + day.month - end.month
    times = apart // months
    found = add_months(end, times * months)
    return found if found >= day else add_months(end, (times + 1) * months)


def local_day(instant: datetime, tz: tzinfo) -> date:
    """Return the calendar day on the wall at `tz`. Refuses naive instants."""
    if instant.tzinfo is None:
        msg = "an instant needs a time zone"
        raise ValueError(msg)
    return instant.astimezone(tz).date()


def window_start(valid_through: date, window_days: int) -> date:
    """First day of the renewal window; a window of 0 days is the last valid day alone."""
    return add_days(valid_through, -window_days)


def validity(
    rule: Recurrence,
    completed: date,
    *,
    recurring: MonthDay | date | None = None,
    printed_expiry: date | None = None,
    previous: Validity | None = None,
) -> Validity:
    """How long a completion on `completed` is valid.

    `recurring` is the calendar day of an annual anchor, or the last day of the licence cycle in
    which the completion has to be repeated; without a known licence, the months count. `previous`
    is the validity that this completion renews: inside its window, `keep` continues its schedule. A
    printed expiry is never computed, and never exceeded by what is computed. The hard cap counts
    from this completion and wins over every schedule.
    """
    if rule.anchor is Anchor.PRINTED_EXPIRY:
        if printed_expiry is None:
            msg = "a printed expiry is needed"
            raise ValueError(msg)
        return Validity(printed_expiry, Schedule(printed_expiry, 0))
    if rule.months is None:
        return Validity(printed_expiry)
    schedule = _schedule(rule, rule.months, completed, recurring, previous)
    return Validity(_valid_through(rule, completed, schedule, printed_expiry), schedule)


def _kept(rule: Recurrence, completed: date, previous: Validity | None) -> Schedule | None:
    """Return the schedule that an early renewal continues, if it is one and the rule keeps it."""
    if previous is None or previous.valid_through is None:
        return None
    if rule.early_renewal is EarlyRenewal.REANCHOR or rule.anchor is Anchor.LICENCE_CYCLE:
        return None
    opens = window_start(previous.valid_through, rule.window_days)
    return previous.schedule if opens <= completed <= previous.valid_through else None


def _annual_from(rule: Recurrence, completed: date, previous: Validity | None) -> date:
    """Return the day after which the next annual day has to lie.

    Somebody with nothing valid who trains shortly before the annual day is valid until the one
    after it, so that they are not asked again within a few days.
    """
    if previous and previous.lasts_until(completed):
        return completed
    return add_days(completed, max(rule.shortest_days, rule.window_days))


def _schedule(
    rule: Recurrence,
    months: int,
    completed: date,
    recurring: MonthDay | date | None,
    previous: Validity | None,
) -> Schedule:
    if isinstance(recurring, date):
        return Schedule(recurring, 0)
    kept = _kept(rule, completed, previous)
    if rule.anchor in ANNUAL_ANCHORS:
        if recurring is None:
            msg = f"{rule.anchor} needs the calendar day that it recurs on"
            raise ValueError(msg)
        after = kept.anniversary if kept else _annual_from(rule, completed, previous)
        return Schedule(nth_annual(after, recurring, months // MONTHS_PER_YEAR), 0)
    if kept:
        return Schedule(kept.start, kept.months + months)
    return Schedule(completed, months)


def _valid_through(
    rule: Recurrence, completed: date, schedule: Schedule, printed_expiry: date | None
) -> date:
    limits = [schedule.anniversary]
    if rule.anchor is Anchor.END_OF_MONTH:
        limits = [end_of_month(schedule.anniversary)]
    if rule.hard_cap_months is not None:
        limits.append(add_months(completed, rule.hard_cap_months))
    if printed_expiry is not None:
        limits.append(printed_expiry)
    return min(limits)
