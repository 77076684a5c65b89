"""Facts that were entered late, with the dates that would have been right from the start."""

from dataclasses import replace
from datetime import date

from app.domain.compliance.requirement import DaysAfter, Renewal
from tests.domain.compliance.builders import GONE, card, change, done, hire, history, rule, waiver
from tests.domain.compliance.cases.scenario import (
    BLOODBORNE,
    BLS,
    INSTALLED,
    LONG_HIRED,
    SUPERVISORS,
    TODAY,
    Scenario,
)

d = date.fromisoformat
CORRECTED = change(TODAY, hired_on=d("2026-09-20"))
PROMOTED = change(
    d("2026-03-01"), recorded_on=TODAY, job_title="Office manager", hired_on=d("2024-01-08")
)
HISTORY = history(
    LONG_HIRED,
    done(d("2025-01-10"), 1, recorded_on=TODAY),
    done(d("2026-01-08"), 2, recorded_on=TODAY),
)

LATE = [
    Scenario(
        "training of last year entered today",
        "domain 15; 29 CFR 1910.1030(g)(2)(iv): no fresh first due date",
        BLOODBORNE,
        history(LONG_HIRED, done(d("2025-11-26"), recorded_on=TODAY)),
        """
        2026-11-26  not_required  -           -
        2026-11-28  expired       2026-11-26  2026-11-26
        """,
        in_force=INSTALLED,
        known_on=TODAY,
    ),
    Scenario(
        "licence that ran out entered today",
        "domain 15: a licence that ran out is expired",
        BLS,
        history(LONG_HIRED, replace(card(d("2024-10-20"), d("2026-10-31")), recorded_on=TODAY)),
        "2026-11-28  expired  2026-10-31  2026-10-31",
        in_force=INSTALLED,
        known_on=TODAY,
    ),
    Scenario(
        "promotion of March entered in November",
        "domain 15 and 17; Cal. Gov. Code 12950.1(a)(1)",
        SUPERVISORS,
        history(LONG_HIRED, PROMOTED),
        """
        2026-02-28  not_required   -           -
        2026-03-01  never_trained  2026-09-01  -
        2026-09-01  due            2026-09-01  -
        2026-11-28  overdue        2026-09-01  -
        """,
        known_on=TODAY,
    ),
    Scenario(
        "what was shown before the promotion was entered",
        "domain 15: what was shown on a past day stays answerable",
        SUPERVISORS,
        history(LONG_HIRED, PROMOTED),
        "2026-11-27  not_required  -  -",
    ),
    Scenario(
        "forged certificate withdrawn today",
        "domain 15: as if it had never been there",
        BLOODBORNE,
        history(LONG_HIRED, done(d("2026-02-01"), withdrawn_on=TODAY)),
        """
        2026-03-01  overdue       2024-01-08  -
        2026-11-28  overdue       2024-01-08  -
        """,
        known_on=TODAY,
    ),
    Scenario(
        "what the forged certificate showed",
        "domain 15: what was shown on a past day stays answerable",
        BLOODBORNE,
        history(LONG_HIRED, done(d("2026-02-01"), withdrawn_on=TODAY)),
        "2026-11-27  compliant  2024-01-08  2027-02-01",
    ),
    Scenario(
        "rehired after a lapse",
        "domain 15: what lapsed has lapsed",
        BLOODBORNE,
        history(
            LONG_HIRED,
            done(d("2025-03-01")),
            change(d("2025-06-01"), GONE, hired_on=d("2024-01-08")),
            hire(d("2026-11-02")),
        ),
        """
        2026-11-01  not_required  -           -
        2026-11-02  expired       2026-03-01  2026-03-01
        2026-11-28  expired       2026-03-01  2026-03-01
        """,
        known_on=TODAY,
    ),
    Scenario(
        "corrected date of hire",
        "domain 15: thirty days from the hire date, as the rule says",
        rule(Renewal(months=12), first_due=DaysAfter(event="hire", days=30)),
        history(change(d("2026-11-20"), hired_on=None), CORRECTED),
        """
        2026-09-19  not_required  -           -
        2026-09-20  due           2026-10-20  -
        2026-10-20  due           2026-10-20  -
        2026-10-21  overdue       2026-10-20  -
        """,
        known_on=TODAY,
    ),
    Scenario(
        "waiver of October entered today",
        "domain 15: a fact counts from its own day",
        BLOODBORNE,
        history(LONG_HIRED, replace(waiver(d("2026-10-01"), None), recorded_on=TODAY)),
        """
        2026-09-30  overdue       2024-01-08  -
        2026-10-01  exempt        -           -
        """,
        known_on=TODAY,
    ),
    Scenario(
        "history from before the product",
        "domain 15: such days are answered from imported history",
        BLOODBORNE,
        HISTORY,
        """
        2024-01-07  not_required  -           -
        2024-12-31  overdue       2024-01-08  -
        2025-06-01  compliant     2024-01-08  2026-01-10
        2025-12-11  due_soon      2026-01-10  2026-01-10
        2026-02-01  compliant     2026-01-10  2027-01-08
        2026-11-28  compliant     2026-01-10  2027-01-08
        """,
        in_force=d("2024-01-01"),
        entered=INSTALLED,
        known_on=TODAY,
    ),
    Scenario(
        "the same days as they were known then",
        "domain 15: nothing was known before the rule was entered",
        BLOODBORNE,
        HISTORY,
        """
        2025-06-01  not_required  -           -
        2026-11-26  not_required  -           -
        """,
        in_force=d("2024-01-01"),
        entered=INSTALLED,
    ),
]
