"""Waivers, exemptions and rule edits."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from app.domain.compliance import (
    ComplianceReason,
    ComplianceStatus,
    PeriodCause,
    PeriodOutcome,
    RuleVersion,
    periods,
    status,
)
from app.domain.compliance.audience import Audience
from app.domain.compliance.requirement import DaysAfter, Renewal
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    BLS,
    HIPAA,
    HIRED,
    PERSON,
    card,
    done,
    history,
    published,
    reached,
    since,
    waiver,
)


def test_a_renewal_before_the_window_is_the_next_period() -> None:
    first, early = date(2027, 3, 5), date(2027, 9, 1)
    found = periods(history(done(first), done(early, 1)), since(ANNUAL), early)
    assert [(period.number, period.cause) for period in found] == [
        (1, PeriodCause.INITIAL),
        (2, PeriodCause.EARLY_RENEWAL),
    ]
    assert (found[1].window_start, found[1].due_on) == (early, date(2028, 3, 5))


class TestWaivers:
    def test_a_waiver_closes_the_open_period(self) -> None:
        free = waiver(date(2027, 3, 5), date(2027, 4, 30))
        facts = history(free)
        (period,) = periods(facts, since(ANNUAL), date(2027, 4, 30))
        assert (period.outcome, period.waived_by) == (PeriodOutcome.WAIVED, free.id)
        assert period.closed_on == date(2027, 3, 5)
        assert (period.valid_from, period.valid_through) == (date(2027, 3, 5), date(2027, 4, 30))
        line = status(facts, since(ANNUAL), date(2027, 4, 30))
        assert (line.status, line.why.reason, line.why.exemption) == (
            ComplianceStatus.EXEMPT,
            ComplianceReason.WAIVER,
            free.id,
        )

    def test_training_meanwhile_is_a_period_of_its_own(self) -> None:
        trained = date(2027, 3, 20)
        facts = history(waiver(date(2027, 3, 5), date(2027, 4, 30)), done(trained))
        waived, met = periods(facts, since(ANNUAL), date(2027, 5, 1))
        assert (waived.number, waived.outcome) == (1, PeriodOutcome.WAIVED)
        assert (met.number, met.outcome, met.cause) == (2, PeriodOutcome.MET, PeriodCause.INITIAL)
        assert (met.window_start, met.due_on, met.met_on) == (trained, None, trained)
        assert reached(facts, since(ANNUAL), date(2027, 4, 30), date(2027, 5, 1)) == [
            "exempt",
            "compliant",
        ]

    def test_the_day_after_the_duty_begins_anew(self) -> None:
        facts = history(waiver(date(2027, 3, 5), date(2027, 4, 30)))
        assert reached(facts, since(ANNUAL), date(2027, 5, 1), date(2027, 5, 2)) == [
            "due",
            "overdue",
        ]

    def test_revocation(self) -> None:
        facts = history(waiver(date(2027, 3, 5), None, revoked_on=date(2027, 6, 1)))
        assert reached(facts, since(ANNUAL), date(2027, 5, 31), date(2027, 6, 1)) == [
            "exempt",
            "due",
        ]

    def test_evidence_that_runs_out_meanwhile(self) -> None:
        free = waiver(date(2028, 1, 1), date(2028, 6, 30))
        facts = history(done(date(2027, 3, 5)), free)
        _, second, third = periods(facts, since(ANNUAL), date(2028, 7, 1))
        assert (second.cause, second.outcome) == (PeriodCause.RENEWAL, PeriodOutcome.WAIVED)
        assert (third.cause, third.due_on) == (PeriodCause.INITIAL, date(2028, 7, 1))

    def test_evidence_given_although_exempt_counts(self) -> None:
        facts = history(waiver(date(2027, 3, 1), date(2027, 4, 30)), done(date(2027, 4, 10)))
        first, second = periods(facts, since(ANNUAL), date(2027, 5, 1))
        assert (first.outcome, second.outcome) == (PeriodOutcome.WAIVED, PeriodOutcome.MET)
        assert (second.cause, second.due_on) == (PeriodCause.INITIAL, None)
        assert reached(facts, since(ANNUAL), date(2027, 5, 1)) == ["compliant"]

    def test_the_new_version_taken_although_waived_takes_over(self) -> None:
        facts = history(
            done(date(2027, 3, 5)),
            published(date(2027, 6, 1), 2, material=True),
            waiver(date(2027, 6, 1), date(2027, 12, 31)),
            done(date(2027, 7, 1), 1, version=2),
        )
        _, waived, met = periods(facts, since(HIPAA), date(2027, 7, 1))
        assert (waived.outcome, met.outcome) == (PeriodOutcome.WAIVED, PeriodOutcome.MET)
        assert (met.cause, met.valid_from) == (PeriodCause.MATERIAL_CHANGE, date(2027, 7, 1))

    def test_of_two_that_overlap_the_first_to_begin_holds(self) -> None:
        first = waiver(HIRED, date(2027, 4, 30))
        second = replace(waiver(date(2027, 4, 1), date(2027, 6, 30)), id=UUID(int=201))
        twin = replace(first, id=UUID(int=202))
        for facts in (history(first, second, twin), history(twin, second, first)):
            whose = [
                status(facts, since(ANNUAL), day).why.exemption
                for day in (HIRED, date(2027, 4, 30), date(2027, 5, 1))
            ]
            assert whose == [first.id, first.id, second.id]

    def test_the_next_waiver_follows_the_first(self) -> None:
        first = waiver(date(2027, 3, 1), date(2027, 4, 30))
        second = replace(waiver(date(2027, 5, 1), date(2027, 6, 30)), id=PERSON)
        facts = history(first, second)
        found = periods(facts, since(ANNUAL), date(2027, 6, 1))
        assert [period.waived_by for period in found] == [first.id, second.id]


class TestRuleEdits:
    def edited(self, day: date, **changes: object) -> tuple[RuleVersion, ...]:
        return (*since(ANNUAL), RuleVersion(day, day, ANNUAL.model_copy(update=changes)))

    def test_an_open_period_follows_the_rule(self) -> None:
        rules = self.edited(date(2027, 3, 5), first_due=DaysAfter(event="hire", days=60))
        assert status(history(), rules, date(2027, 3, 4)).due_on == date(2027, 3, 11)
        assert status(history(), rules, date(2027, 3, 5)).due_on == date(2027, 4, 30)
        assert [p.number for p in periods(history(), rules, date(2027, 3, 5))] == [1]

    def test_a_closed_period_does_not(self) -> None:
        rules = self.edited(date(2027, 4, 1), renewal=Renewal(months=3, window_days=10))
        facts = history(done(date(2027, 3, 5)), done(date(2028, 3, 1), 1))
        first, second = periods(facts, rules, date(2028, 3, 1))
        assert first.valid_through == date(2028, 3, 5)
        assert second.valid_through == date(2028, 6, 5)

    def test_a_narrower_audience_releases(self) -> None:
        rules = self.edited(
            date(2027, 4, 1), audience=Audience(departments=frozenset({"Front desk"}))
        )
        (period,) = periods(history(), rules, date(2027, 4, 1))
        assert (period.outcome, period.closed_on) == (PeriodOutcome.RELEASED, date(2027, 4, 1))

    def test_withdrawn(self) -> None:
        rules = (*since(ANNUAL), RuleVersion(date(2027, 4, 1), date(2027, 4, 1), None))
        line = status(history(), rules, date(2027, 4, 1))
        assert (line.status, line.why.reason) == (
            ComplianceStatus.NOT_REQUIRED,
            ComplianceReason.NO_RULE,
        )

    def test_a_shorter_window_releases_the_renewal_and_opens_it_later(self) -> None:
        rules = self.edited(date(2028, 2, 10), renewal=Renewal(months=12, window_days=10))
        facts = history(done(date(2027, 3, 5)))
        assert reached(facts, rules, date(2028, 2, 9), date(2028, 2, 10), date(2028, 2, 24)) == [
            "due_soon",
            "compliant",
            "due_soon",
        ]
        found = periods(facts, rules, date(2028, 2, 24))
        assert [p.outcome for p in found] == [
            PeriodOutcome.MET,
            PeriodOutcome.RELEASED,
            PeriodOutcome.OPEN,
        ]
        assert found[1].closed_on == date(2028, 2, 10)

    def test_an_edit_planned_ahead_waits_for_its_day(self) -> None:
        later = RuleVersion(date(2027, 6, 1), date(2027, 3, 2), None)
        rules = (*since(ANNUAL), later)
        facts = history(done(date(2027, 3, 5)))
        assert reached(facts, rules, date(2027, 5, 31), date(2027, 6, 1)) == [
            "compliant",
            "not_required",
        ]

    def test_the_last_edit_holds_wherever_it_begins(self) -> None:
        nobody = ANNUAL.model_copy(update={"audience": Audience(job_titles=frozenset({"None"}))})
        planned = RuleVersion(date(2028, 1, 1), date(2027, 3, 2), nobody)
        reaches_back = RuleVersion(HIRED, date(2027, 6, 1), nobody)
        anew = RuleVersion(date(2027, 6, 1), date(2027, 6, 1), ANNUAL)
        first, withdrawn = since(ANNUAL, date(2027, 3, 1)), replace(anew, rule=None)
        facts, after_both = history(done(date(2027, 3, 5))), date(2028, 1, 2)
        for edits, expected in (
            ((planned,), "not_required"),
            ((planned, anew), "compliant"),
            ((reaches_back,), "not_required"),
            ((planned, withdrawn), "not_required"),
            ((planned, withdrawn, replace(anew, recorded_on=date(2027, 7, 1))), "compliant"),
        ):
            assert reached(facts, (*first, *edits), after_both) == [expected], edits

    def test_an_edit_backdated_counts_from_its_record(self) -> None:
        rules = (*since(ANNUAL), RuleVersion(HIRED, date(2027, 6, 1), None))
        facts = history(done(date(2027, 3, 5)))
        assert reached(facts, rules, date(2027, 5, 31), date(2027, 6, 1)) == [
            "compliant",
            "not_required",
        ]


@pytest.mark.parametrize("day", [date.min, date.max])
def test_any_day_can_be_asked_for(day: date) -> None:
    facts = history(
        done(date(2027, 3, 5)), waiver(date(2027, 8, 1), date.max), card(HIRED, date.max)
    )
    for asked in (ANNUAL, BLOODBORNE, HIPAA, BLS):
        expected = "not_required" if day == date.min else "exempt"
        assert reached(facts, since(asked), day) == [expected]
        last_days = (*since(asked), RuleVersion(date(9999, 12, 30), date(9999, 12, 30), ANNUAL))
        assert reached(history(), last_days, day) == [
            "not_required" if day == date.min else "overdue"
        ]
