"""What is right on which day, and by which regulation or rule: cases worked out by hand.

Each line of `days` is one case: the day asked about, the status, the day due and the last valid
day; `-` where there is none. Days are inclusive. `known_on` is the knowledge used; left out, what
was known on the day itself. "Domain" counts the product's own rules.
"""

from dataclasses import dataclass
from datetime import date

from app.domain.compliance import Facts, RuleVersion
from app.domain.compliance.audience import Audience
from app.domain.compliance.requirement import (
    CalendarDay,
    Credential,
    DaysAfter,
    MonthsAfter,
    OnDate,
    Renewal,
    Rule,
)
from app.domain.recurrence import Anchor
from tests.domain.compliance.builders import (
    LONG_AGO,
    hire,
    rule,
)

d = date.fromisoformat
INSTALLED, TODAY = d("2026-11-27"), d("2026-11-28")
AT_ASSIGNMENT = DaysAfter(event="assignment", days=0)


@dataclass(frozen=True)
class Scenario:
    name: str
    source: str
    rule: Rule
    facts: Facts
    days: str
    in_force: date = LONG_AGO
    entered: date | None = None
    known_on: date | None = None

    @property
    def rules(self) -> tuple[RuleVersion, ...]:
        return (RuleVersion(self.in_force, self.entered or self.in_force, self.rule),)


BLOODBORNE = rule(Renewal(months=12, window_days=30, hard_cap_months=12), first_due=AT_ASSIGNMENT)
OWN_ANNUAL = rule(Renewal(months=12, window_days=30), first_due=AT_ASSIGNMENT)
HIPAA = rule(Renewal(months=24, window_days=60), days=30, retrain_days_after_material_change=30)
HAZARDS = rule(Renewal(), first_due=AT_ASSIGNMENT, retrain_days_after_material_change=14)
BLS = rule(
    Renewal(anchor=Anchor.PRINTED_EXPIRY, window_days=60),
    days=30,
    subject=Credential(credential_kind="bls"),
)
NEW_YORK = rule(
    Renewal(months=48, window_days=90, early_renewal="reanchor"),
    days=90,
    subject=Credential(credential_kind="infection_control_ny"),
)
SUPERVISORS = rule(
    Renewal(months=24, window_days=60),
    first_due=MonthsAfter(event="assignment", months=6),
    audience=Audience(job_titles=frozenset({"Office manager"})),
)


def fixed(month: int, day: int, window_days: int = 60) -> Rule:
    yearly = CalendarDay(month=month, day=day)
    return rule(
        Renewal(anchor=Anchor.FIXED_DATE, months=12, fixed_date=yearly, window_days=window_days),
        first_due=AT_ASSIGNMENT,
    )


ANNIVERSARY = rule(
    Renewal(anchor=Anchor.HIRE_ANNIVERSARY, months=12, window_days=60), first_due=AT_ASSIGNMENT
)
MONTH_END = rule(
    Renewal(anchor=Anchor.END_OF_MONTH, months=12, window_days=30), first_due=AT_ASSIGNMENT
)
POLICY = rule(
    Renewal(anchor=Anchor.POLICY_VERSION, months=12, window_days=30), first_due=AT_ASSIGNMENT
)
LAUNCH = rule(Renewal(months=12), first_due=OnDate(date=d("2026-06-30")))

HIRED = hire(d("2026-01-05"))
LONG_HIRED = hire(d("2024-01-08"))
