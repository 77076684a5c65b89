"""Leave, waivers, leavers, and whom a rule applies to."""

from app.domain.compliance.audience import Audience
from tests.domain.compliance.builders import (
    GONE,
    LEAVE,
    OTHER_MODULE,
    change,
    done,
    hire,
    history,
    waiver,
)
from tests.domain.compliance.cases.scenario import BLOODBORNE, HIPAA, HIRED, Scenario, d

PEOPLE = [
    Scenario(
        "on leave",
        "domain 13; 29 CFR 1910.1030(g)(2)(iv): leave moves no regulatory date",
        BLOODBORNE,
        history(
            HIRED,
            done(d("2026-01-05")),
            change(d("2026-06-01"), LEAVE, hired_on=d("2026-01-05")),
            change(d("2027-02-01"), hired_on=d("2026-01-05")),
        ),
        """
        2026-05-31  compliant     2026-01-05  2027-01-05
        2026-06-01  exempt        2026-01-05  2027-01-05
        2027-01-31  exempt        2027-01-05  2027-01-05
        2027-02-01  expired       2027-01-05  2027-01-05
        """,
    ),
    Scenario(
        "first due while on leave",
        "domain 13: a first due day inside a leave moves to the return",
        HIPAA,
        history(
            hire(d("2026-03-01")),
            change(d("2026-03-20"), LEAVE, hired_on=d("2026-03-01")),
            change(d("2026-05-04"), hired_on=d("2026-03-01")),
        ),
        """
        2026-03-19  due           2026-03-31  -
        2026-03-20  exempt        2026-03-31  -
        2026-05-04  due           2026-05-04  -
        2026-05-05  overdue       2026-05-04  -
        """,
    ),
    Scenario(
        "a return that is announced",
        "domain 13: the day moves as soon as the return is known",
        HIPAA,
        history(
            hire(d("2026-03-01")),
            change(d("2026-03-20"), LEAVE, hired_on=d("2026-03-01")),
            change(d("2026-05-04"), recorded_on=d("2026-03-25"), hired_on=d("2026-03-01")),
        ),
        """
        2026-03-24  exempt        2026-03-31  -
        2026-03-25  exempt        2026-05-04  -
        2026-05-05  overdue       2026-05-04  -
        """,
    ),
    Scenario(
        "waived",
        "domain 13: exempt through the last day, then the duty begins anew",
        BLOODBORNE,
        history(HIRED, waiver(d("2026-01-05"), d("2026-03-31"))),
        """
        2026-01-05  exempt        -           -
        2026-03-31  exempt        -           -
        2026-04-01  due           2026-04-01  -
        2026-04-02  overdue       2026-04-01  -
        """,
    ),
    Scenario(
        "a waiver that is revoked",
        "domain 13: the day of the revocation is no longer free",
        BLOODBORNE,
        history(HIRED, waiver(d("2026-01-05"), None, revoked_on=d("2026-02-10"))),
        """
        2026-02-09  exempt        -           -
        2026-02-10  due           2026-02-10  -
        2026-02-11  overdue       2026-02-10  -
        """,
    ),
    Scenario(
        "left",
        "domain 13: the day of a termination is the first without a duty",
        BLOODBORNE,
        history(HIRED, change(d("2026-07-01"), GONE)),
        """
        2026-06-30  overdue       2026-01-05  -
        2026-07-01  not_required  -           -
        """,
    ),
    Scenario(
        "credit for prior training",
        "domain 13: training of before the hire that is still valid",
        BLOODBORNE,
        history(HIRED, done(d("2025-09-01"))),
        """
        2026-01-05  compliant     2026-01-05  2026-09-01
        2026-09-01  due_soon      2026-09-01  2026-09-01
        2026-09-02  expired       2026-09-01  2026-09-01
        """,
    ),
    Scenario(
        "another module",
        "29 CFR 1910.1030(g)(2)(vii): only training with the required content counts",
        BLOODBORNE,
        history(HIRED, done(d("2026-01-05"), module_id=OTHER_MODULE)),
        "2026-01-06  overdue  2026-01-05  -",
    ),
    Scenario(
        "an audience of one named person",
        "domain 21: it concerns nobody else",
        BLOODBORNE.model_copy(update={"audience": Audience(include=frozenset({OTHER_MODULE}))}),
        history(HIRED),
        "2026-01-06  not_required  -  -",
    ),
]
