"""The day from which a validity is counted."""

from tests.domain.compliance.builders import done, hire, history, published
from tests.domain.compliance.cases.scenario import (
    ANNIVERSARY,
    HIRED,
    MONTH_END,
    POLICY,
    Scenario,
    d,
    fixed,
)

ANCHORS = [
    Scenario(
        "trained shortly before the fixed day",
        "domain 18: never due again after a month",
        fixed(12, 31),
        history(HIRED, done(d("2026-11-20"))),
        """
        2026-11-20  compliant     2026-01-05  2027-12-31
        2026-12-31  compliant     2026-01-05  2027-12-31
        2027-10-31  compliant     2026-01-05  2027-12-31
        2027-11-01  due_soon      2027-12-31  2027-12-31
        2028-01-01  expired       2027-12-31  2027-12-31
        """,
    ),
    Scenario(
        "ninety days before the fixed day",
        "domain 18: the last day that counts for the next cycle",
        fixed(12, 31),
        history(HIRED, done(d("2026-10-02"))),
        "2026-10-02  compliant  2026-01-05  2027-12-31",
    ),
    Scenario(
        "ninety-one days before the fixed day",
        "domain 18: and the first that counts for this one",
        fixed(12, 31),
        history(HIRED, done(d("2026-10-01"))),
        """
        2026-10-01  compliant     2026-01-05  2026-12-31
        2026-12-31  due_soon      2026-12-31  2026-12-31
        2027-01-01  expired       2026-12-31  2026-12-31
        """,
    ),
    Scenario(
        "renewed before the fixed day",
        "domain 10: inside the window the fixed day is kept",
        fixed(3, 31),
        history(HIRED, done(d("2026-01-05")), done(d("2027-03-01"), 1)),
        """
        2026-01-05  compliant     2026-01-05  2027-03-31
        2027-01-30  due_soon      2027-03-31  2027-03-31
        2027-03-01  compliant     2027-03-31  2028-03-31
        """,
    ),
    Scenario(
        "trained shortly before the anniversary",
        "domain 18: anniversaries do not punish either",
        ANNIVERSARY,
        history(hire(d("2020-12-31")), done(d("2026-11-20"))),
        """
        2026-11-19  overdue       2020-12-31  -
        2026-11-20  compliant     2020-12-31  2027-12-31
        2026-12-31  compliant     2020-12-31  2027-12-31
        2028-01-01  expired       2027-12-31  2027-12-31
        """,
    ),
    Scenario(
        "hired on a leap day",
        "domain 9: the anniversary of 29 February",
        ANNIVERSARY,
        history(hire(d("2028-02-29")), done(d("2028-02-29")), done(d("2029-02-01"), 1)),
        """
        2028-02-29  compliant     2028-02-29  2029-02-28
        2029-02-01  compliant     2029-02-28  2030-02-28
        2030-03-01  expired       2030-02-28  2030-02-28
        """,
    ),
    Scenario(
        "end of the month",
        "domain 10: through the last day of the month",
        MONTH_END,
        history(HIRED, done(d("2027-02-10"))),
        """
        2027-02-10  compliant     2026-01-05  2028-02-29
        2028-02-29  due_soon      2028-02-29  2028-02-29
        2028-03-01  expired       2028-02-29  2028-02-29
        """,
    ),
    Scenario(
        "date of an older policy",
        "domain 10: of the version that was taken, though a newer one was out",
        POLICY,
        history(
            HIRED,
            published(d("2026-01-01"), 1),
            published(d("2026-05-01"), 2),
            done(d("2026-06-01"), version=1),
        ),
        "2026-06-01  compliant  2026-01-05  2027-01-01",
    ),
    Scenario(
        "date of the policy",
        "domain 10: counted from the day of the version that was taken",
        POLICY,
        history(HIRED, published(d("2026-01-01"), 1), done(d("2026-06-01"))),
        """
        2026-06-01  compliant     2026-01-05  2027-01-01
        2027-01-01  due_soon      2027-01-01  2027-01-01
        2027-01-02  expired       2027-01-01  2027-01-01
        """,
    ),
]
