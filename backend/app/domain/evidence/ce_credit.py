"""Continuing education: hours per licence cycle, with minimums and caps as data.

Hours are exact decimals. Only records of an approved provider carry hours at all (domain rule 7);
that is decided where the record is written, not here.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum

from app.domain.recurrence import add_days, add_months

ZERO = Decimal(0)


class Delivery(StrEnum):
    LIVE = "live"
    LIVE_ONLINE = "live_online"
    SELF_STUDY = "self_study"


@dataclass(frozen=True, slots=True)
class Credit:
    """Hours earned on a local day, in one category, by one way of delivery."""

    earned_on: date
    hours: Decimal
    category: str
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Minimum:
    """At least one course and these hours in a category, delivered in one of these ways.

    With `within_months` a course counts for so long from its own day, whatever the licence cycle
    (New York infection control). Hours that a cap cuts off the total still meet a minimum.
    """

    category: str
    hours: Decimal
    deliveries: frozenset[Delivery] = frozenset(Delivery)
    within_months: int | None = None

    def holds(self, credit: Credit) -> bool:
        return credit.category == self.category and credit.delivery in self.deliveries

    def still_counts(self, credit: Credit, day: date) -> bool:
        if self.within_months is None:
            return True
        return credit.earned_on <= day <= add_months(credit.earned_on, self.within_months)


@dataclass(frozen=True, slots=True)
class CategoryCap:
    """Hours of these categories together, beyond `hours`, count for nothing."""

    categories: frozenset[str]
    hours: Decimal


@dataclass(frozen=True, slots=True)
class CarryOver:
    """How many hours beyond those asked for go on to the next cycle.

    They were earned within `months` before it, in one of these ways.
    """

    hours: Decimal
    months: int
    deliveries: frozenset[Delivery] = frozenset(Delivery)

    def holds(self, credit: Credit, cycle: "LicenceCycle") -> bool:
        since = add_months(cycle.first_day, -self.months)
        return since <= credit.earned_on < cycle.first_day and credit.delivery in self.deliveries


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a rule, with its source and the authority that decides about it."""

    name: str
    value: Decimal
    citation: str
    verify_with: str


@dataclass(frozen=True, slots=True)
class LicenceRule:
    """`caps` name each category at most once. `self_study_cap` None: any share may be recorded.

    `sources` cite single figures by name more closely than `citation` does.
    """

    name: str
    cycle_months: int
    total_hours: Decimal
    minimums: tuple[Minimum, ...]
    caps: tuple[CategoryCap, ...]
    self_study_cap: Decimal | None
    citation: str
    verify_with: str
    sources: Mapping[str, str] = field(default_factory=dict)
    carry_over: CarryOver | None = None
    notes: tuple[str, ...] = ()
    """What else the authority asks for, which hours do not show."""

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Return every number in the rule."""
        return tuple(
            Figure(name, value, self.sources.get(name, self.citation), self.verify_with)
            for name, value in self._numbers()
        )

    def _numbers(self) -> Iterator[tuple[str, Decimal]]:
        yield "cycle_months", Decimal(self.cycle_months)
        yield "total_hours", self.total_hours
        for minimum in self.minimums:
            yield f"minimum:{minimum.category}", minimum.hours
            if minimum.within_months is not None:
                yield f"within_months:{minimum.category}", Decimal(minimum.within_months)
        for cap in self.caps:
            yield "cap:" + "+".join(sorted(cap.categories)), cap.hours
        if self.self_study_cap is not None:
            yield "self_study_cap", self.self_study_cap
        yield "carry_over", self.carry_over.hours if self.carry_over else ZERO
        if self.carry_over:
            yield "carry_over_months", Decimal(self.carry_over.months)

    def __post_init__(self) -> None:
        named = [category for cap in self.caps for category in cap.categories]
        if len(named) != len(set(named)):
            msg = "a category has two caps"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True)
class LicenceCycle:
    """Both days inclusive."""

    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True)
class Shortfall:
    name: str
    needed: Decimal
    earned: Decimal


@dataclass(frozen=True, slots=True)
class CycleSummary:
    cycle: LicenceCycle
    earned: Decimal
    counted: Decimal
    over_caps: Decimal
    carried: Decimal
    """Hours of the cycle before that count towards the total of this one."""

    by_category: tuple[tuple[str, Decimal], ...]
    shortfalls: tuple[Shortfall, ...]

    @property
    def complete(self) -> bool:
        return not self.shortfalls


def licence_cycle(rule: LicenceRule, expires_on: date) -> LicenceCycle:
    """Return the cycle that ends with the licence's printed expiry."""
    previous_expiry = add_months(expires_on, -rule.cycle_months)
    return LicenceCycle(add_days(previous_expiry, 1), expires_on)


def summarise(
    rule: LicenceRule, cycle: LicenceCycle, credits_: Iterable[Credit], as_of: date
) -> CycleSummary:
    """Hours that count towards the renewal, as known on `as_of`, and what is still missing."""
    known = [credit for credit in credits_ if credit.earned_on <= as_of]
    in_cycle = [c for c in known if cycle.first_day <= c.earned_on <= cycle.last_day]
    earned = _hours(in_cycle)
    counted = counted_hours(rule, in_cycle)
    carried = carried_hours(rule, cycle, known)
    reached = counted + carried
    missing = [Shortfall("total", rule.total_hours, reached)] if reached < rule.total_hours else []
    missing += _unmet(rule, in_cycle, known, min(as_of, cycle.last_day))
    by_category = tuple(sorted(_by_category(in_cycle).items()))
    over = earned - counted
    return CycleSummary(cycle, earned, counted, over, carried, by_category, tuple(missing))


def carried_hours(rule: LicenceRule, cycle: LicenceCycle, credits_: Iterable[Credit]) -> Decimal:
    """Return what the cycle before had beyond its hours, as far as the rule lets it go on.

    What that cycle had been carried itself is left out, so that no hour counts twice.
    """
    if rule.carry_over is None:
        return ZERO
    last_day = add_days(cycle.first_day, -1)
    first_day = add_months(cycle.first_day, -rule.cycle_months)
    before = [c for c in credits_ if first_day <= c.earned_on <= last_day]
    beyond = max(counted_hours(rule, before) - rule.total_hours, ZERO)
    late = counted_hours(rule, [c for c in before if rule.carry_over.holds(c, cycle)])
    return min(beyond, late, rule.carry_over.hours)


def counted_hours(rule: LicenceRule, credits_: Iterable[Credit]) -> Decimal:
    """Return the most hours that the caps allow.

    Live hours fill a capped category first, since self-study hours have a second cap to pass.
    """
    live = defaultdict[CategoryCap | None, Decimal](Decimal)
    recorded = defaultdict[CategoryCap | None, Decimal](Decimal)
    for credit in credits_:
        group = recorded if credit.delivery is Delivery.SELF_STUDY else live
        group[_cap_of(rule, credit.category)] += credit.hours
    for cap in live.keys() | recorded.keys():
        if cap is not None:
            live[cap] = min(live[cap], cap.hours)
            recorded[cap] = min(recorded[cap], cap.hours - live[cap])
    self_study = sum(recorded.values(), ZERO)
    if rule.self_study_cap is not None:
        self_study = min(self_study, rule.self_study_cap)
    return sum(live.values(), self_study)


def _cap_of(rule: LicenceRule, category: str) -> CategoryCap | None:
    return next((cap for cap in rule.caps if category in cap.categories), None)


def _unmet(
    rule: LicenceRule, in_cycle: Sequence[Credit], known: Sequence[Credit], day: date
) -> list[Shortfall]:
    unmet = []
    for minimum in rule.minimums:
        pool = in_cycle if minimum.within_months is None else known
        met_by = [c for c in pool if minimum.holds(c) and minimum.still_counts(c, day)]
        if not met_by or _hours(met_by) < minimum.hours:
            unmet.append(Shortfall(minimum.category, minimum.hours, _hours(met_by)))
    return unmet


def _hours(credits_: Iterable[Credit]) -> Decimal:
    return sum((credit.hours for credit in credits_), ZERO)


def _by_category(credits_: Iterable[Credit]) -> dict[str, Decimal]:
    found = defaultdict[str, Decimal](Decimal)
    for credit in credits_:
        found[credit.category] += credit.hours
    return found
