"""Incidents: who has to train again, whatever they did before, and by when."""

from dataclasses import replace
from uuid import UUID

from app.domain.compliance import Incident
from app.domain.compliance.audience import Audience
from app.domain.compliance.requirement import DaysAfter
from tests.domain.compliance.builders import LEAVE, change, done, history, published, waiver
from tests.domain.compliance.cases.scenario import HIPAA, HIRED, OWN_ANNUAL, Scenario, d

STUCK = Incident(UUID(int=300), d("2026-06-10"), d("2026-06-24"), d("2026-06-10"))
LATER = Incident(UUID(int=301), d("2026-06-15"), d("2026-08-01"), d("2026-06-15"))
OTHERS = OWN_ANNUAL.model_copy(update={"audience": Audience(departments=frozenset({"Front desk"}))})
TRAINED = done(d("2026-01-05"))
ABSENT = change(d("2026-06-20"), LEAVE, hired_on=d("2026-01-05"))
BACK = change(d("2026-07-20"), hired_on=d("2026-01-05"))

INCIDENTS = [
    Scenario(
        "stuck after training",
        "domain 20: only training after the incident meets it",
        OWN_ANNUAL,
        replace(
            history(HIRED, TRAINED, done(d("2026-06-10"), 1), done(d("2026-06-30"), 2)),
            incidents=(STUCK,),
        ),
        """
        2026-06-09  compliant     2026-01-05  2027-01-05
        2026-06-10  due_soon      2026-06-24  2027-01-05
        2026-06-24  due_soon      2026-06-24  2027-01-05
        2026-06-25  overdue       2026-06-24  2027-01-05
        2026-06-30  compliant     2026-06-24  2027-06-30
        """,
    ),
    Scenario(
        "stuck, and not meant by the rule",
        "domain 20: an incident names people, whoever else the rule is for",
        OTHERS,
        replace(history(HIRED, TRAINED, done(d("2026-06-11"), 1)), incidents=(STUCK,)),
        """
        2026-06-09  not_required  -           -
        2026-06-10  due_soon      2026-06-24  2027-01-05
        2026-06-11  not_required  -           -
        """,
    ),
    Scenario(
        "retrained, and not meant by the rule",
        "domain 20: an incident asks once; nobody else's rule binds for ever",
        OTHERS,
        replace(history(HIRED, done(d("2026-06-11"), 1)), incidents=(STUCK,)),
        """
        2026-06-10  due           2026-06-24  -
        2026-06-11  not_required  -           -
        2027-06-12  not_required  -           -
        """,
    ),
    Scenario(
        "retrained, and freed for a while",
        "domain 13 and 20: what was answered shortens no first due day that comes later",
        HIPAA.model_copy(update={"first_due": DaysAfter(event="assignment", days=30)}),
        replace(
            history(HIRED, done(d("2026-06-11"), 1), waiver(d("2028-06-01"), d("2028-06-30"))),
            incidents=(STUCK,),
        ),
        """
        2028-06-30  exempt        2026-02-04  2028-06-11
        2028-07-01  due           2028-07-31  -
        """,
    ),
    Scenario(
        "stuck, and trained in nothing",
        "domain 20: by the day that the incident gives, not by the rule's own",
        OTHERS,
        replace(history(HIRED), incidents=(STUCK,)),
        """
        2026-06-10  due           2026-06-24  -
        2026-06-25  overdue       2026-06-24  -
        """,
    ),
    Scenario(
        "not meant by the rule, with training that lapsed before",
        "domain 20: nothing was asked until the incident, so by the day that it gives",
        OTHERS,
        replace(
            history(HIRED, done(d("2026-06-11"), 1)),
            incidents=(replace(LATER, day=d("2028-03-01"), retrain_by=d("2028-03-31")),),
        ),
        """
        2028-02-29  not_required  -           -
        2028-03-01  due           2028-03-31  2027-06-11
        2028-03-31  due           2028-03-31  2027-06-11
        2028-04-01  overdue       2028-03-31  2027-06-11
        """,
    ),
    Scenario(
        "not meant by the rule, with training that lapses meanwhile",
        "domain 20: the rule asks for no renewal, so by the day that the incident gives",
        OTHERS,
        replace(
            history(HIRED, TRAINED),
            incidents=(replace(LATER, day=d("2027-01-02"), retrain_by=d("2027-01-31")),),
        ),
        """
        2027-01-05  due_soon      2027-01-31  2027-01-05
        2027-01-06  due           2027-01-31  2027-01-05
        2027-02-01  overdue       2027-01-31  2027-01-05
        """,
    ),
    Scenario(
        "not meant by the rule, and trained before a material change",
        "domain 20: the change was none of theirs, so by the day that the incident gives",
        OTHERS.model_copy(update={"retrain_days_after_material_change": 14}),
        replace(
            history(HIRED, TRAINED, published(d("2026-03-02"), 2, material=True)),
            incidents=(STUCK,),
        ),
        """
        2026-06-10  due_soon      2026-06-24  2027-01-05
        2026-06-25  overdue       2026-06-24  2027-01-05
        """,
    ),
    Scenario(
        "answered, and another on the day of the training",
        "domain 20: an incident asks once, and training after its day answers it",
        OWN_ANNUAL,
        replace(
            history(HIRED, TRAINED, done(d("2026-06-15"), 1)),
            incidents=(STUCK, replace(LATER, recorded_on=d("2026-06-16"))),
        ),
        """
        2026-06-14  due_soon      2026-06-24  2027-01-05
        2026-06-16  due_soon      2026-08-01  2027-06-15
        2026-06-30  due_soon      2026-08-01  2027-06-15
        2026-08-02  overdue       2026-08-01  2027-06-15
        """,
    ),
    Scenario(
        "trained on a material change, and another on the day of the training",
        "domain 20: a change that was trained on in time asks no more",
        HIPAA,
        history(
            HIRED,
            TRAINED,
            published(d("2026-06-01"), 2, material=True),
            done(d("2026-06-15"), 1, version=2),
            published(d("2026-06-15"), 3, material=True),
        ),
        """
        2026-06-14  due_soon      2026-07-01  2028-01-05
        2026-06-15  due_soon      2026-07-15  2028-06-15
        2026-07-02  due_soon      2026-07-15  2028-06-15
        2026-07-16  overdue       2026-07-15  2028-06-15
        """,
    ),
    Scenario(
        "an incident that comes before the first due day",
        "domain 20: the earlier of both days",
        HIPAA.model_copy(update={"first_due": OWN_ANNUAL.first_due}),
        replace(history(HIRED), incidents=(replace(STUCK, day=d("2026-01-05")),)),
        "2026-01-06  overdue       2026-01-05  -",
    ),
    Scenario(
        "on leave on the last day",
        "domain 13 and 20: a day that falls into a leave moves to the return",
        OWN_ANNUAL,
        replace(history(HIRED, TRAINED, ABSENT, BACK), incidents=(STUCK,)),
        """
        2026-06-25  exempt        2026-06-24  2027-01-05
        2026-07-20  due_soon      2026-07-20  2027-01-05
        2026-07-21  overdue       2026-07-20  2027-01-05
        """,
    ),
    Scenario(
        "withdrawn",
        "domain 15 and 20: as if it had never been there",
        OWN_ANNUAL,
        replace(history(HIRED, TRAINED), incidents=(replace(STUCK, withdrawn_on=d("2026-07-01")),)),
        "2026-06-25  compliant     2026-01-05  2027-01-05",
        known_on=d("2026-07-01"),
    ),
    Scenario(
        "what the withdrawn incident showed",
        "domain 15: what was shown on a past day stays answerable",
        OWN_ANNUAL,
        replace(history(HIRED, TRAINED), incidents=(replace(STUCK, withdrawn_on=d("2026-07-01")),)),
        "2026-06-25  overdue       2026-06-24  2027-01-05",
    ),
]
