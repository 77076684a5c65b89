"""Licences of the state where people work."""

from dataclasses import replace
from uuid import UUID

from app.domain.compliance import EmploymentChange, Facts
from app.domain.compliance.audience import Audience, Post
from app.domain.compliance.facts import Evidence, Position
from app.domain.compliance.hindsight import with_positions
from app.domain.compliance.requirement import Credential, Renewal
from app.domain.recurrence import Anchor
from tests.domain.compliance.builders import card, change, hire, history, rule
from tests.domain.compliance.cases.scenario import AT_ASSIGNMENT, Scenario, d

OF_THE_STATE = rule(
    Renewal(anchor=Anchor.PRINTED_EXPIRY, window_days=60),
    first_due=AT_ASSIGNMENT,
    subject=Credential(credential_kind="rdh", of_office_state=True),
)
IN_NEVADA = OF_THE_STATE.model_copy(update={"audience": Audience(states=frozenset({"US-NV"}))})


def at_work(day: str, state: str) -> EmploymentChange:
    held = change(d(day)) if day != HIRED else hire(d(day))
    return replace(held, person=replace(held.person, hired_on=d(HIRED), state=state, country="US"))


HIRED = "2026-01-05"
CALIFORNIAN, TO_TEXAS = at_work(HIRED, "US-CA"), at_work("2026-06-01", "US-TX")
BACK = at_work("2026-09-01", "US-CA")


def licence(state: str | None, issued: str, expiry: str, number: int = 0) -> Evidence:
    held = card(d(issued), d(expiry), number, kind="rdh")
    return replace(held, issuing_state=state)


def also_in_nevada(facts: Facts) -> Facts:
    post = Post(UUID(int=77), country="US", state="US-NV")
    day = d("2026-03-02")
    further = (Position(UUID(int=78), day, day, None, post),)
    return replace(facts, employment=with_positions(facts.employment, further, day))


HELD = licence("US-CA", "2026-01-05", "2027-12-31")
OF_TEXAS = licence("US-TX", "2026-06-20", "2028-06-30", 1)
OF_NEVADA = licence("US-NV", "2026-03-10", "2028-03-31", 2)

LICENCES = [
    Scenario(
        "a licence of the office's state",
        "state dental practice acts; proof.md: by kind and by the state of the office",
        OF_THE_STATE,
        history(CALIFORNIAN, HELD),
        """
        2026-01-05  compliant     2026-01-05  2027-12-31
        2027-10-31  compliant     2026-01-05  2027-12-31
        2027-11-01  due_soon      2027-12-31  2027-12-31
        2028-01-01  expired       2027-12-31  2027-12-31
        """,
    ),
    Scenario(
        "a licence of another state",
        "state dental practice acts: none of another state is one here",
        OF_THE_STATE,
        history(CALIFORNIAN, licence("US-TX", "2026-01-05", "2027-12-31")),
        """
        2026-01-05  due           2026-01-05  -
        2026-01-06  overdue       2026-01-05  -
        """,
    ),
    Scenario(
        "a licence whose state nobody entered",
        "domain 25: nothing is accepted in silence",
        OF_THE_STATE,
        history(CALIFORNIAN, licence(None, "2026-01-05", "2027-12-31")),
        "2026-01-06  overdue       2026-01-05  -",
    ),
    Scenario(
        "a transfer to another state, a licence there, and back",
        "domain 13: a change of location is an ordinary event; due anew from its day",
        OF_THE_STATE,
        history(CALIFORNIAN, TO_TEXAS, BACK, HELD, OF_TEXAS),
        """
        2026-05-31  compliant     2026-01-05  2027-12-31
        2026-06-01  due           2026-06-01  -
        2026-06-02  overdue       2026-06-01  -
        2026-06-20  compliant     2026-06-01  2028-06-30
        2026-08-31  compliant     2026-06-01  2028-06-30
        2026-09-01  compliant     2026-01-05  2027-12-31
        """,
    ),
    Scenario(
        "two states, and the rule of one of them",
        "directory.md: a rule applies where any position matches; its licence is of that state",
        IN_NEVADA,
        also_in_nevada(history(CALIFORNIAN, HELD, OF_NEVADA)),
        """
        2026-03-01  not_required  -           -
        2026-03-02  due           2026-03-02  -
        2026-03-03  overdue       2026-03-02  -
        2026-03-10  compliant     2026-03-02  2028-03-31
        """,
    ),
    Scenario(
        "two states, and a rule that means both places",
        "compliance.md: one licence will do; a rule for each state asks for each",
        OF_THE_STATE,
        also_in_nevada(history(CALIFORNIAN, OF_NEVADA)),
        """
        2026-03-09  overdue       2026-01-05  -
        2026-03-10  compliant     2026-01-05  2028-03-31
        """,
    ),
]
