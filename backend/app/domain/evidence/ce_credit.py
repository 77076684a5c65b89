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
    missing = [Shortfall("total", rule.total_hours, counted)] if counted < rule.total_hours else []
    missing += _unmet(rule, in_cycle, known, min(as_of, cycle.last_day))
    return CycleSummary(cycle, earned, counted, earned - counted, tuple(missing))


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


CALIFORNIA_RDH = LicenceRule(
    name="California registered dental hygienist",
    cycle_months=24,
    total_hours=Decimal(25),
    minimums=(
        Minimum("infection_control_ca", Decimal(2)),
        Minimum("dental_practice_act_ca", Decimal(2)),
    ),
    caps=(
        CategoryCap(frozenset({"basic_life_support"}), Decimal(4)),
        CategoryCap(frozenset({"benefit_of_licensee"}), Decimal(5)),
    ),
    self_study_cap=Decimal("12.5"),
    citation="16 CCR 1016 and 1017, Cal. Bus. & Prof. Code 1936.1",
    verify_with="verify with the board: Dental Hygiene Board of California",
    sources={
        "cycle_months": "16 CCR 1017(c): biennial",
        "total_hours": "16 CCR 1017(c)(2)",
        "minimum:infection_control_ca": "16 CCR 1017(a)(1)",
        "minimum:dental_practice_act_ca": "16 CCR 1017(a)(2)",
        "cap:basic_life_support": "16 CCR 1017(a)(3)",
        "cap:benefit_of_licensee": "16 CCR 1016: 20 % of the 25 units",
        "self_study_cap": "16 CCR 1017: half of the 25 units",
    },
)
"""Worked example, not legal advice. Basic life support itself is a credential requirement."""

NEW_YORK_RDH = LicenceRule(
    name="New York registered dental hygienist",
    cycle_months=36,
    total_hours=Decimal(24),
    minimums=(Minimum("infection_control_ny", ZERO, within_months=48),),
    caps=(),
    self_study_cap=Decimal(10),
    citation="N.Y. Education Law 6609-a and 6505-b, 8 NYCRR 61.16",
    verify_with="verify with the board: New York State Education Department",
    sources={
        "minimum:infection_control_ny": "N.Y. Education Law 6505-b: a course, no hours named",
        "within_months:infection_control_ny": "N.Y. Education Law 6505-b: every four years",
    },
)


class LicenceProfile(StrEnum):
    CALIFORNIA_RDH = "california_rdh"
    NEW_YORK_RDH = "new_york_rdh"


LICENCE_RULES: dict[LicenceProfile, LicenceRule] = {
    LicenceProfile.CALIFORNIA_RDH: CALIFORNIA_RDH,
    LicenceProfile.NEW_YORK_RDH: NEW_YORK_RDH,
}
