"""Short ways to write a history down in a test."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from app.domain.compliance import (
    EmploymentChange,
    EmploymentState,
    Evidence,
    Exemption,
    ExemptionKind,
    Facts,
    Publication,
    RuleVersion,
    status,
)
from app.domain.compliance.audience import Audience, PersonFacts
from app.domain.compliance.requirement import Credential, DaysAfter, Modules, Renewal, Rule

PERSON = UUID(int=1)
MODULE = UUID(int=11)
OTHER_MODULE = UUID(int=12)
HIRED = date(2027, 3, 1)
LONG_AGO = date(2020, 1, 1)
DAY = timedelta(days=1)
LEAVE, GONE = EmploymentState.LEAVE, EmploymentState.TERMINATED


def hire(day: date = HIRED, **person: Any) -> EmploymentChange:
    return change(day, EmploymentState.ACTIVE, hired_on=day, **person)


def change(
    day: date,
    state: EmploymentState = EmploymentState.ACTIVE,
    recorded_on: date | None = None,
    **person: Any,
) -> EmploymentChange:
    attributes = {"department": "Hygiene", "hired_on": HIRED, **person}
    return EmploymentChange(day, recorded_on or day, state, PersonFacts(PERSON, **attributes))


def done(day: date, number: int = 0, **fields: Any) -> Evidence:
    usual = {"recorded_on": day, "module_id": MODULE, "version": 1}
    return Evidence(id=UUID(int=100 + number), day=day, **{**usual, **fields})


def card(day: date, printed_expiry: date | None, number: int = 0, kind: str = "bls") -> Evidence:
    return Evidence(
        id=UUID(int=100 + number),
        day=day,
        recorded_on=day,
        credential_kind=kind,
        printed_expiry=printed_expiry,
    )


def waiver(first: date, last: date | None, *, revoked_on: date | None = None) -> Exemption:
    return Exemption(UUID(int=200), ExemptionKind.WAIVER, first, first, last, revoked_on)


def published(day: date, version: int, *, material: bool = False) -> Publication:
    return Publication(MODULE, version, day, material)


def history(*facts: EmploymentChange | Evidence | Exemption | Publication) -> Facts:
    return Facts(
        employment=tuple(f for f in facts if isinstance(f, EmploymentChange)) or (hire(),),
        evidence=tuple(f for f in facts if isinstance(f, Evidence)),
        exemptions=tuple(f for f in facts if isinstance(f, Exemption)),
        publications=tuple(f for f in facts if isinstance(f, Publication)),
    )


def since(rule: Rule | None, day: date = LONG_AGO) -> tuple[RuleVersion, ...]:
    return (RuleVersion(day, day, rule),)


ALL = Audience(everyone=True)


def rule(renewal: Renewal, days: int = 10, **fields: Any) -> Rule:
    due = DaysAfter(event="hire", days=days)
    subject = Modules(any_of=frozenset({MODULE}))
    return Rule(
        **{"subject": subject, "audience": ALL, "first_due": due, "renewal": renewal, **fields}
    )


BLOODBORNE = rule(
    Renewal(months=12, window_days=30, hard_cap_months=12),
    audience=Audience(departments=frozenset({"Hygiene"})),
    grace_days=7,
    citation="29 CFR 1910.1030(g)(2)(iv): within one year of their previous training",
)
ANNUAL = rule(Renewal(months=12, window_days=30))
HIPAA = rule(
    Renewal(months=24, window_days=60),
    retrain_days_after_material_change=30,
    citation="45 CFR 164.530(b)(2)",
)
HAZARD_COMMUNICATION = rule(
    Renewal(months=None),
    retrain_days_after_material_change=14,
    citation="29 CFR 1910.1200(h)(1)",
)
BLS = rule(
    Renewal(anchor="printed_expiry", window_days=60),
    days=0,
    subject=Credential(credential_kind="bls"),
)
NEW_YORK_INFECTION_CONTROL = rule(
    Renewal(months=48, window_days=90, early_renewal="reanchor"),
    days=90,
    subject=Credential(credential_kind="infection_control_ny"),
    citation="N.Y. Education Law 6505-b",
)


def reached(facts: Facts, rules: tuple[RuleVersion, ...], *days: date) -> list[str]:
    return [status(facts, rules, day).status.value for day in days]
