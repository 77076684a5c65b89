"""How long evidence must be kept, and from when a person's data in it may be erased."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.recurrence import MONTHS_PER_YEAR, add_days, add_months


class RetentionClass(StrEnum):
    STANDARD = "standard"
    OSHA_BLOODBORNE = "osha_bloodborne"
    HIPAA = "hipaa"


@dataclass(frozen=True, slots=True)
class RetentionRule:
    """`minimum_years` is what the source demands; settings may lengthen it, never shorten it."""

    minimum_years: int
    citation: str


RETENTION: dict[RetentionClass, RetentionRule] = {
    RetentionClass.STANDARD: RetentionRule(3, "house rule: no shorter than 29 CFR 1910.1030"),
    RetentionClass.OSHA_BLOODBORNE: RetentionRule(3, "29 CFR 1910.1030(h)(2)(ii)"),
    RetentionClass.HIPAA: RetentionRule(6, "45 CFR 164.316(b)(2)(i), 45 CFR 164.530(j)(2)"),
}


@dataclass(frozen=True, slots=True)
class LegalHold:
    """While it lasts nothing it covers may be erased; from `released_on` on it may."""

    placed_on: date
    released_on: date | None = None

    def in_force(self, day: date) -> bool:
        return self.placed_on <= day and (self.released_on is None or day < self.released_on)


def retention_years(retention_class: RetentionClass, configured_years: int | None = None) -> int:
    minimum = RETENTION[retention_class].minimum_years
    return minimum if configured_years is None else max(minimum, configured_years)


def keep_through(
    retention_class: RetentionClass, last_in_effect: date, configured_years: int | None = None
) -> date:
    """Last day on which the evidence must still be there, inclusive.

    OSHA counts from the training, HIPAA from creation or from when the document was last in
    effect, whichever is later: pass the later one.
    """
    years = retention_years(retention_class, configured_years)
    return add_months(last_in_effect, years * MONTHS_PER_YEAR)


@dataclass(frozen=True, slots=True)
class HeldEvidence:
    """One piece of evidence; `last_in_effect` as in `keep_through`."""

    retention_class: RetentionClass
    last_in_effect: date


def earliest_erasure(
    evidence: Iterable[HeldEvidence],
    *,
    left_on: date | None,
    holds: Iterable[LegalHold] = (),
    configured_years: Mapping[RetentionClass, int] | None = None,
) -> date | None:
    """First day on which a leaver's personal data may be replaced by a pseudonym.

    None: no such day is known, since the person has not left or a legal hold has no end.
    `left_on` is the last day of employment.
    """
    if left_on is None:
        return None
    configured = configured_years or {}
    first_free = [add_days(left_on, 1)]
    for item in evidence:
        years = configured.get(item.retention_class)
        kept = keep_through(item.retention_class, item.last_in_effect, years)
        first_free.append(add_days(kept, 1))
    for hold in holds:
        if hold.released_on is None:
            return None
        first_free.append(hold.released_on)
    return max(first_free)
