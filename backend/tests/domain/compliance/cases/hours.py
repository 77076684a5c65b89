"""Hours that a regulation asks for, and trainers who were there."""

from tests.domain.compliance.builders import done, history
from tests.domain.compliance.cases.scenario import BLOODBORNE, HIRED, OWN_ANNUAL, Scenario, d

TWO_HOURS = OWN_ANNUAL.model_copy(update={"minimum_minutes": 120})
ASKED = BLOODBORNE.model_copy(update={"trainer_required": True})
SHORT, LONG = d("2026-01-05"), d("2026-01-07")

HOURS = [
    Scenario(
        "a quarter of an hour for two hours",
        "domain 22: training below the hours that a rule asks for does not meet it",
        TWO_HOURS,
        history(HIRED, done(SHORT, minutes=15)),
        """
        2026-01-05  due           2026-01-05  -
        2026-01-06  overdue       2026-01-05  -
        """,
    ),
    Scenario(
        "a minute less than two hours, and then two hours",
        "domain 22: the last minute counts",
        TWO_HOURS,
        history(HIRED, done(SHORT, minutes=119), done(LONG, 1, minutes=120)),
        """
        2026-01-06  overdue       2026-01-05  -
        2026-01-07  compliant     2026-01-05  2027-01-07
        """,
    ),
    Scenario(
        "hours that nobody knows",
        "domain 22: a credit without hours is none",
        TWO_HOURS,
        history(HIRED, done(SHORT)),
        "2026-01-06  overdue       2026-01-05  -",
    ),
    Scenario(
        "online without a trainer, and then a class",
        "29 CFR 1910.1030(g)(2)(vii)(N); domain 23: attended later is complete",
        ASKED,
        history(HIRED, done(SHORT), done(LONG, 1, has_trainer=True)),
        """
        2026-01-06  overdue       2026-01-05  -
        2026-01-07  compliant     2026-01-05  2027-01-07
        """,
    ),
]
