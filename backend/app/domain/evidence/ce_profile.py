"""Continuing education by profession and state, as data with its sources.

Worked examples and no legal advice. The figures were looked up in November 2026 in stored copies of
public pages, which may be older than the rules of today: each is to be verified with the board.
Where a text was not seen, its source says so. Basic life support is a requirement of its own.
"""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from app.domain.evidence.ce_credit import (
    ZERO,
    CarryOver,
    CategoryCap,
    Delivery,
    LicenceRule,
    Minimum,
)

VERIFY: str = "to be verified with the board: "
_DENTAL_BOARD = VERIFY + "Dental Board of California"
_TEXAS_BOARD = VERIFY + "Texas State Board of Dental Examiners"
_NEW_YORK = VERIFY + "New York State Education Department"
_UNSEEN = " (its text was not seen)"
_NO_CARRY = {"carry_over": "no provision was found: nothing is carried over"}
_FIRST_RENEWAL = "Nothing is asked for the first renewal (dbc.ca.gov, continuing education)."
_BLS = "A current certificate in basic life support is asked for as well."

_CALIFORNIA_MINIMUMS = (
    Minimum("infection_control_ca", Decimal(2)),
    Minimum("dental_practice_act_ca", Decimal(2)),
)
_CALIFORNIA_SOURCES = {
    "cycle_months": "16 CCR 1017(c): biennial",
    "minimum:infection_control_ca": "16 CCR 1017(a)(1)",
    "minimum:dental_practice_act_ca": "16 CCR 1017(a)(2)",
    "cap:basic_life_support": "16 CCR 1017(a)(3)",
    "cap:benefit_of_licensee": "16 CCR 1016(b)(3): 20 % of the units",
    "self_study_cap": "16 CCR 1017: half of the units" + _UNSEEN,
    **_NO_CARRY,
}


def _california_caps(total: Decimal) -> tuple[CategoryCap, ...]:
    return (
        CategoryCap(frozenset({"basic_life_support"}), Decimal(4)),
        CategoryCap(frozenset({"benefit_of_licensee"}), total / 5),
    )


CALIFORNIA_DDS = LicenceRule(
    name="California dentist",
    cycle_months=24,
    total_hours=Decimal(50),
    minimums=(*_CALIFORNIA_MINIMUMS, Minimum("opioids_ca", Decimal(2))),
    caps=_california_caps(Decimal(50)),
    self_study_cap=Decimal(25),
    citation="16 CCR 1016 and 1017",
    verify_with=_DENTAL_BOARD,
    sources={
        **_CALIFORNIA_SOURCES,
        "total_hours": "16 CCR 1017(c)(1)",
        "minimum:opioids_ca": "16 CCR 1017(a)(4), 1016(b)(1)(D)",
    },
    notes=(_BLS, _FIRST_RENEWAL, "Permits for sedation and anesthesia ask for more."),
)

CALIFORNIA_RDH = LicenceRule(
    name="California registered dental hygienist",
    cycle_months=24,
    total_hours=Decimal(25),
    minimums=_CALIFORNIA_MINIMUMS,
    caps=_california_caps(Decimal(25)),
    self_study_cap=Decimal("12.5"),
    citation="16 CCR 1016 and 1017, Cal. Bus. & Prof. Code 1936.1",
    verify_with=VERIFY + "Dental Hygiene Board of California",
    sources={**_CALIFORNIA_SOURCES, "total_hours": "16 CCR 1017(c)(2)"},
    notes=(_BLS,),
)

CALIFORNIA_RDA = LicenceRule(
    name="California registered dental assistant",
    cycle_months=24,
    total_hours=Decimal(25),
    minimums=_CALIFORNIA_MINIMUMS,
    caps=_california_caps(Decimal(25)),
    self_study_cap=Decimal("12.5"),
    citation="16 CCR 1016 and 1017",
    verify_with=_DENTAL_BOARD,
    sources={**_CALIFORNIA_SOURCES, "total_hours": "16 CCR 1017(c)(3)"},
    notes=(_BLS, _FIRST_RENEWAL),
)

_IN_CLASS = frozenset({Delivery.LIVE, Delivery.LIVE_ONLINE})
_TEXAS_MINIMUMS = (
    Minimum("clinical", Decimal(16)),
    Minimum("human_trafficking_tx", ZERO),
    Minimum("jurisprudence_tx", ZERO, within_months=48),
)
_TEXAS_CAPS = (
    CategoryCap(frozenset({"risk_management"}), Decimal(8)),
    CategoryCap(frozenset({"jurisprudence_tx"}), ZERO),
    CategoryCap(frozenset({"practice_finance"}), ZERO),
)
_TEXAS_SOURCES = {
    "cycle_months": "22 TAC 104.1: biennial",
    "total_hours": "22 TAC 104.1",
    "minimum:clinical": "22 TAC 104.1(2)(A): technical or scientific",
    "minimum:human_trafficking_tx": "22 TAC 104.1" + _UNSEEN + ": a course, no hours named",
    "minimum:jurisprudence_tx": "22 TAC 104.1" + _UNSEEN + ": an assessment",
    "within_months:jurisprudence_tx": "22 TAC 104.1: every four years (preamble of 2018)",
    "cap:risk_management": "22 TAC 104.1(2)(C)",
    "cap:jurisprudence_tx": "22 TAC 104.1" + _UNSEEN + ": not part of the hours",
    "cap:practice_finance": "22 TAC 104.1" + _UNSEEN + ": not part of the hours",
    "self_study_cap": "22 TAC 104.1(2)(D)",
    "carry_over": "22 TAC 104.1: hours of classes (preamble of 2018)",
    "carry_over_months": "22 TAC 104.1: of the year before (preamble of 2018)",
}

TEXAS_DDS = LicenceRule(
    name="Texas dentist",
    cycle_months=24,
    total_hours=Decimal(24),
    minimums=(*_TEXAS_MINIMUMS, Minimum("opioids_tx", Decimal(4))),
    caps=_TEXAS_CAPS,
    self_study_cap=Decimal(8),
    citation="22 TAC 104.1",
    verify_with=_TEXAS_BOARD,
    sources={
        **_TEXAS_SOURCES,
        "minimum:opioids_tx": "22 TAC 104.1(2)(B): with direct patient care; two in each year",
    },
    carry_over=CarryOver(Decimal(24), 12, _IN_CLASS),
    notes=(_BLS, "Permits for sedation and anesthesia ask for more."),
)

TEXAS_RDH = LicenceRule(
    name="Texas dental hygienist",
    cycle_months=24,
    total_hours=Decimal(24),
    minimums=_TEXAS_MINIMUMS,
    caps=_TEXAS_CAPS,
    self_study_cap=Decimal(8),
    citation="22 TAC 104.1",
    verify_with=_TEXAS_BOARD,
    sources=_TEXAS_SOURCES,
    carry_over=CarryOver(Decimal(24), 12, _IN_CLASS),
    notes=(_BLS,),
)

TEXAS_RDA = LicenceRule(
    name="Texas registered dental assistant",
    cycle_months=24,
    total_hours=Decimal(12),
    minimums=(Minimum("clinical", Decimal(6)), Minimum("human_trafficking_tx", ZERO)),
    caps=(),
    self_study_cap=None,
    citation="22 TAC 114.12, as tsbde.texas.gov shows it",
    verify_with=_TEXAS_BOARD,
    sources={
        "total_hours": "22 TAC 114.12: six a year, twelve in two years",
        "minimum:clinical": "22 TAC 114.12: three of the six hours of a year",
        "minimum:human_trafficking_tx": "22 TAC 114.12: a course, no hours named",
        "carry_over": "22 TAC 114.12: of the years before",
        "carry_over_months": "22 TAC 114.12: of the cycle before, as it is read here",
    },
    carry_over=CarryOver(Decimal(6), 24),
    notes=(_BLS, "Other sources name other hours for the two years."),
)

NEW_YORK_DDS = LicenceRule(
    name="New York dentist",
    cycle_months=36,
    total_hours=Decimal(60),
    minimums=(Minimum("infection_control_ny", ZERO, within_months=48),),
    caps=(),
    self_study_cap=Decimal(18),
    citation="N.Y. Education Law 6604-a and 6505-b, 8 NYCRR 61.15",
    verify_with=_NEW_YORK,
    sources={
        "minimum:infection_control_ny": "N.Y. Education Law 6505-b: a course, no hours named",
        "within_months:infection_control_ny": "N.Y. Education Law 6505-b: every four years",
        "self_study_cap": "N.Y. Education Law 6604-a(2)",
        "carry_over": "none, as the State Education Department answers",
    },
    notes=(
        "A certificate in cardiopulmonary resuscitation is asked for as well (8 NYCRR 61.19).",
        "Courses taken once: jurisprudence and ethics, tobacco and oral cancer, child abuse.",
    ),
)

NEW_YORK_RDH = LicenceRule(
    name="New York registered dental hygienist",
    cycle_months=36,
    total_hours=Decimal(24),
    minimums=(Minimum("infection_control_ny", ZERO, within_months=48),),
    caps=(),
    self_study_cap=Decimal(10),
    citation="N.Y. Education Law 6609-a and 6505-b, 8 NYCRR 61.16",
    verify_with=_NEW_YORK,
    sources={
        "minimum:infection_control_ny": "N.Y. Education Law 6505-b: a course, no hours named",
        "within_months:infection_control_ny": "N.Y. Education Law 6505-b: every four years",
        "carry_over": "none, as the State Education Department answers for dentists",
    },
    notes=("A course on child abuse is taken once.",),
)

NEW_YORK_RDA = LicenceRule(
    name="New York registered dental assistant",
    cycle_months=36,
    total_hours=ZERO,
    minimums=(),
    caps=(),
    self_study_cap=None,
    citation="N.Y. Education Law 6608-b, 8 NYCRR 61",
    verify_with=_NEW_YORK,
    sources={
        "cycle_months": "N.Y. Education Law 6608-b(3): triennial registration",
        "total_hours": "no provision was found that asks for hours",
        **_NO_CARRY,
    },
)


class LicenceProfile(StrEnum):
    CALIFORNIA_DDS = "california_dds"
    CALIFORNIA_RDH = "california_rdh"
    CALIFORNIA_RDA = "california_rda"
    TEXAS_DDS = "texas_dds"
    TEXAS_RDH = "texas_rdh"
    TEXAS_RDA = "texas_rda"
    NEW_YORK_DDS = "new_york_dds"
    NEW_YORK_RDH = "new_york_rdh"
    NEW_YORK_RDA = "new_york_rda"


LICENCE_RULES: dict[LicenceProfile, LicenceRule] = {
    LicenceProfile.CALIFORNIA_DDS: CALIFORNIA_DDS,
    LicenceProfile.CALIFORNIA_RDH: CALIFORNIA_RDH,
    LicenceProfile.CALIFORNIA_RDA: CALIFORNIA_RDA,
    LicenceProfile.TEXAS_DDS: TEXAS_DDS,
    LicenceProfile.TEXAS_RDH: TEXAS_RDH,
    LicenceProfile.TEXAS_RDA: TEXAS_RDA,
    LicenceProfile.NEW_YORK_DDS: NEW_YORK_DDS,
    LicenceProfile.NEW_YORK_RDH: NEW_YORK_RDH,
    LicenceProfile.NEW_YORK_RDA: NEW_YORK_RDA,
}


@dataclass(frozen=True, slots=True)
class Licence:
    """What a card has to be for a profile to apply to it."""

    kind: str
    state: str


_STATES = {"california": "US-CA", "texas": "US-TX", "new_york": "US-NY"}
PROFILES: dict[Licence, LicenceProfile] = {
    Licence(kind, _STATES[state]): profile
    for profile in LicenceProfile
    for state, _, kind in [profile.value.rpartition("_")]
}
