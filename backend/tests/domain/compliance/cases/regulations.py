"""Training that regulations ask for."""

from tests.domain.compliance.builders import card, change, done, hire, history, published
from tests.domain.compliance.cases.scenario import (
    BLOODBORNE,
    BLS,
    HAZARDS,
    HIPAA,
    HIRED,
    LAUNCH,
    LONG_HIRED,
    NEW_YORK,
    OWN_ANNUAL,
    SUPERVISORS,
    Scenario,
    d,
)

REGULATIONS = [
    Scenario(
        "bloodborne before exposure",
        "29 CFR 1910.1030(g)(2)(ii)(A): at the time of initial assignment; domain 16",
        BLOODBORNE,
        history(HIRED),
        """
        2026-01-04  not_required  -           -
        2026-01-05  due           2026-01-05  -
        2026-01-06  overdue       2026-01-05  -
        2026-12-31  overdue       2026-01-05  -
        """,
    ),
    Scenario(
        "bloodborne within one year",
        "29 CFR 1910.1030(g)(2)(iv): within one year of the previous training; domain 9",
        BLOODBORNE,
        history(HIRED, done(d("2026-01-05"))),
        """
        2026-01-05  compliant     2026-01-05  2027-01-05
        2026-12-05  compliant     2026-01-05  2027-01-05
        2026-12-06  due_soon      2027-01-05  2027-01-05
        2027-01-05  due_soon      2027-01-05  2027-01-05
        2027-01-06  expired       2027-01-05  2027-01-05
        """,
    ),
    Scenario(
        "bloodborne renewed early",
        "29 CFR 1910.1030(g)(2)(iv), domain 10: the cap of a year wins over the anniversary",
        BLOODBORNE,
        history(HIRED, done(d("2026-01-05")), done(d("2026-12-10"), 1)),
        """
        2026-12-09  due_soon      2027-01-05  2027-01-05
        2026-12-10  compliant     2027-01-05  2027-12-10
        2027-11-10  due_soon      2027-12-10  2027-12-10
        2027-12-10  due_soon      2027-12-10  2027-12-10
        2027-12-11  expired       2027-12-10  2027-12-10
        """,
    ),
    Scenario(
        "bloodborne renewed late",
        "29 CFR 1910.1030(g)(2)(iv): from the training itself",
        BLOODBORNE,
        history(HIRED, done(d("2026-01-05")), done(d("2027-02-01"), 1)),
        """
        2027-01-31  expired       2027-01-05  2027-01-05
        2027-02-01  compliant     2027-01-05  2028-02-01
        2028-02-01  due_soon      2028-02-01  2028-02-01
        2028-02-02  expired       2028-02-01  2028-02-01
        """,
    ),
    Scenario(
        "bloodborne on a leap day",
        "domain 9: 29 February clamps to the last day of the month",
        BLOODBORNE,
        history(HIRED, done(d("2028-02-29"))),
        """
        2028-02-28  overdue       2026-01-05  -
        2028-02-29  compliant     2026-01-05  2029-02-28
        2029-02-28  due_soon      2029-02-28  2029-02-28
        2029-03-01  expired       2029-02-28  2029-02-28
        """,
    ),
    Scenario(
        "own annual rule keeps the anniversary",
        "domain 10: renewing inside the window keeps the old anniversary",
        OWN_ANNUAL,
        history(HIRED, done(d("2026-01-31")), done(d("2027-01-01"), 1)),
        """
        2026-12-31  compliant     2026-01-05  2027-01-31
        2027-01-01  compliant     2027-01-31  2028-01-31
        2028-01-31  due_soon      2028-01-31  2028-01-31
        2028-02-01  expired       2028-01-31  2028-01-31
        """,
    ),
    Scenario(
        "own annual rule outside of the window",
        "domain 10: earlier than the window counts from its own day",
        OWN_ANNUAL,
        history(HIRED, done(d("2026-01-31")), done(d("2026-12-31"), 1)),
        """
        2026-12-31  compliant     2027-01-31  2027-12-31
        2027-12-31  due_soon      2027-12-31  2027-12-31
        2028-01-01  expired       2027-12-31  2027-12-31
        """,
    ),
    Scenario(
        "privacy for a new member of the workforce",
        "45 CFR 164.530(b)(2)(i)(B): within a reasonable time; 30 days by our own rule",
        HIPAA,
        history(hire(d("2026-03-01")), done(d("2026-04-20"))),
        """
        2026-02-28  not_required  -           -
        2026-03-01  due           2026-03-31  -
        2026-03-31  due           2026-03-31  -
        2026-04-01  overdue       2026-03-31  -
        2026-04-20  compliant     2026-03-31  2028-04-20
        2028-02-19  compliant     2026-03-31  2028-04-20
        2028-02-20  due_soon      2028-04-20  2028-04-20
        2028-04-21  expired       2028-04-20  2028-04-20
        """,
    ),
    Scenario(
        "privacy after a material change",
        "45 CFR 164.530(b)(2)(i)(C): when the functions are affected by a material change",
        HIPAA,
        history(
            hire(d("2026-03-01")),
            published(d("2026-01-01"), 1),
            done(d("2026-03-20")),
            published(d("2027-05-10"), 2, material=True),
            done(d("2027-06-15"), 1, version=2),
        ),
        """
        2027-05-09  compliant     2026-03-31  2028-03-20
        2027-05-10  due_soon      2027-06-09  2028-03-20
        2027-06-09  due_soon      2027-06-09  2028-03-20
        2027-06-10  overdue       2027-06-09  2028-03-20
        2027-06-15  compliant     2027-06-09  2029-06-15
        """,
    ),
    Scenario(
        "hazards have no interval",
        "29 CFR 1910.1200(h)(1): at assignment and when a new hazard is introduced",
        HAZARDS,
        history(HIRED, done(d("2026-01-05")), published(d("2031-06-01"), 2, material=True)),
        """
        2026-01-05  compliant     2026-01-05  -
        2031-05-31  compliant     2026-01-05  -
        2031-06-01  due_soon      2031-06-15  -
        2031-06-15  due_soon      2031-06-15  -
        2031-06-16  overdue       2031-06-15  -
        """,
    ),
    Scenario(
        "life support by the printed card",
        "state dental practice acts; domain 10: stored, never computed",
        BLS,
        history(HIRED, card(d("2026-02-10"), d("2028-02-29"))),
        """
        2026-01-05  due           2026-02-04  -
        2026-02-04  due           2026-02-04  -
        2026-02-05  overdue       2026-02-04  -
        2026-02-10  compliant     2026-02-04  2028-02-29
        2027-12-30  compliant     2026-02-04  2028-02-29
        2027-12-31  due_soon      2028-02-29  2028-02-29
        2028-02-29  due_soon      2028-02-29  2028-02-29
        2028-03-01  expired       2028-02-29  2028-02-29
        """,
    ),
    Scenario(
        "New York infection control",
        "N.Y. Education Law 6505-b: every four years, from each course",
        NEW_YORK,
        history(
            HIRED,
            card(d("2026-03-15"), None, kind="infection_control_ny"),
            card(d("2030-02-01"), None, 1, kind="infection_control_ny"),
        ),
        """
        2026-03-14  due           2026-04-05  -
        2026-03-15  compliant     2026-04-05  2030-03-15
        2029-12-14  compliant     2026-04-05  2030-03-15
        2029-12-15  due_soon      2030-03-15  2030-03-15
        2030-02-01  compliant     2030-03-15  2034-02-01
        2034-02-02  expired       2034-02-01  2034-02-01
        """,
    ),
    Scenario(
        "supervisors within six months",
        "Cal. Gov. Code 12950.1(a)(1): six months after the position began; domain 17: months",
        SUPERVISORS,
        history(
            LONG_HIRED,
            change(d("2026-08-31"), job_title="Office manager", hired_on=d("2024-01-08")),
        ),
        """
        2026-08-30  not_required   -           -
        2026-08-31  never_trained  2027-02-28  -
        2026-12-29  never_trained  2027-02-28  -
        2026-12-30  due            2027-02-28  -
        2027-02-28  due            2027-02-28  -
        2027-03-01  overdue        2027-02-28  -
        """,
    ),
    Scenario(
        "a day for everybody",
        "domain 10: a fixed first day, as when a rule begins for all staff",
        LAUNCH,
        history(HIRED),
        """
        2026-05-30  never_trained  2026-06-30  -
        2026-05-31  due            2026-06-30  -
        2026-06-30  due            2026-06-30  -
        2026-07-01  overdue        2026-06-30  -
        """,
    ),
]
