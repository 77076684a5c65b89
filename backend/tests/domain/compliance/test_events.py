"""First due dates, credit, and records that come late or are withdrawn."""

from dataclasses import replace
from datetime import date

import pytest

from app.domain.compliance import (
    ComplianceReason,
    ComplianceStatus,
    Evidence,
    Facts,
    PeriodCause,
    PeriodOutcome,
    covering,
    in_hindsight,
    periods,
    status,
)
from app.domain.compliance.requirement import (
    CalendarDay,
    DaysAfter,
    Modules,
    MonthsAfter,
    OnDate,
    Renewal,
)
from app.domain.recurrence import Anchor
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    DAY,
    HIPAA,
    HIRED,
    MODULE,
    OTHER_MODULE,
    change,
    done,
    hire,
    history,
    published,
    reached,
    rule,
    since,
    waiver,
)


class TestFirstDue:
    @pytest.mark.parametrize(
        ("due", "expected"),
        [
            (DaysAfter(event="hire", days=10), date(2027, 5, 1)),
            (DaysAfter(event="assignment", days=10), date(2027, 5, 11)),
            (DaysAfter(event="assignment", days=0), date(2027, 5, 1)),
            (MonthsAfter(event="assignment", months=6), date(2027, 11, 1)),
            (DaysAfter(event="publication", days=10), date(2027, 5, 1)),
            (DaysAfter(event="publication", days=90), date(2027, 6, 30)),
            (OnDate(date=date(2027, 7, 1)), date(2027, 7, 1)),
            (OnDate(date=date(2027, 1, 1)), date(2027, 5, 1)),
        ],
    )
    def test_never_before_the_duty_began(
        self, due: DaysAfter | MonthsAfter | OnDate, expected: date
    ) -> None:
        """Somebody who comes into the audience on 1 May is never late for a day before."""
        facts = history(
            hire(department="Front desk"),
            change(date(2027, 5, 1)),
            published(date(2027, 4, 1), 1),
        )
        asked = rule(BLOODBORNE.renewal, first_due=due, audience=BLOODBORNE.audience)
        line = status(facts, since(asked), date(2027, 5, 1))
        assert line.due_on == expected

    def test_not_due_before_anything_is_published(self) -> None:
        asked = rule(Renewal(), first_due=DaysAfter(event="publication", days=5))
        facts = history(published(date(2027, 6, 1), 1))
        line = status(facts, since(asked), date(2027, 5, 31))
        assert (line.status, line.due_on) == (ComplianceStatus.NEVER_TRAINED, None)
        assert status(facts, since(asked), date(2027, 6, 1)).due_on == date(2027, 6, 6)

    def test_never_trained_until_the_due_date_comes_near(self) -> None:
        asked = rule(Renewal(months=12, window_days=30), days=45)
        assert reached(history(), since(asked), HIRED + 14 * DAY, HIRED + 15 * DAY) == [
            "never_trained",
            "due",
        ]

    def test_a_hire_recorded_late_is_not_late_from_the_start(self) -> None:
        facts = history(change(HIRED, recorded_on=HIRED + 20 * DAY))
        assert reached(facts, since(ANNUAL), HIRED + 19 * DAY, HIRED + 20 * DAY) == [
            "not_required",
            "due",
        ]
        assert status(facts, since(ANNUAL), HIRED + 20 * DAY).due_on == HIRED + 20 * DAY

    def test_nobody_is_asked_before_the_day_of_hire(self) -> None:
        facts = history(change(date(2027, 2, 1), hired_on=HIRED))
        before = status(facts, since(ANNUAL), HIRED - DAY)
        assert before.why.reason is ComplianceReason.NOT_EMPLOYED
        assert reached(facts, since(ANNUAL), HIRED) == ["due"]

    def test_evidence_found_wrong_or_for_something_else_was_never_shown(self) -> None:
        asked = rule(Renewal(months=12, window_days=0), days=45)
        other = done(date(2026, 1, 1), 1, module_id=OTHER_MODULE)
        wrong = done(date(2026, 1, 1), withdrawn_on=date(2026, 2, 1))
        expired = done(date(2026, 1, 1), 2)
        both = rule(Renewal(), subject=Modules(any_of=frozenset({MODULE, OTHER_MODULE})))
        rules = (*since(both, date(2019, 1, 1)), *since(asked))
        assert reached(history(wrong, other), rules, HIRED) == ["never_trained"]
        assert reached(history(expired), rules, HIRED) == ["due"]

    def test_due_begins_with_the_window(self) -> None:
        asked = rule(Renewal(months=12, window_days=0), days=45)
        due_on = HIRED + 45 * DAY
        days = (due_on - DAY, due_on, due_on + DAY)
        assert reached(history(), since(asked), *days) == ["never_trained", "due", "overdue"]


class TestCredit:
    def test_prior_training_that_is_still_valid(self) -> None:
        facts = history(done(date(2026, 12, 1), version=None))
        (period,) = periods(facts, since(ANNUAL), HIRED)
        assert (period.outcome, period.valid_through) == (PeriodOutcome.MET, date(2027, 12, 1))
        assert (period.cause, period.window_start) == (PeriodCause.INITIAL, HIRED)

    @pytest.mark.parametrize(
        ("day", "expected"), [(date(2026, 3, 1), "due_soon"), (date(2026, 2, 28), "due")]
    )
    def test_prior_training_on_its_last_day(self, day: date, expected: str) -> None:
        assert reached(history(done(day)), since(ANNUAL), HIRED) == [expected]

    def test_credit_is_good_until_the_next_material_change(self) -> None:
        credit = done(date(2027, 3, 5), version=None)
        early = history(credit, published(date(2027, 1, 1), 2, material=True))
        later = history(credit, published(date(2027, 4, 1), 3, material=True))
        assert reached(early, since(HIPAA), date(2027, 4, 1)) == ["compliant"]
        assert reached(later, since(HIPAA), date(2027, 4, 1)) == ["due_soon"]

    def test_any_one_of_several_modules(self) -> None:
        either = Modules(any_of=frozenset({MODULE, OTHER_MODULE}))
        facts = history(done(date(2027, 3, 5), module_id=OTHER_MODULE))
        assert reached(facts, since(rule(Renewal(), subject=either)), HIRED + 5 * DAY) == [
            "compliant"
        ]
        assert reached(facts, since(ANNUAL), HIRED + 5 * DAY) == ["due"]

    def test_training_before_the_window_counts_from_its_own_day(self) -> None:
        facts = history(done(date(2027, 3, 5)), done(date(2027, 12, 1), 1))
        first, second = periods(facts, since(ANNUAL), date(2027, 12, 1))
        assert (second.cause, second.window_start) == (PeriodCause.EARLY_RENEWAL, date(2027, 12, 1))
        assert (second.valid_from, second.valid_through) == (date(2028, 3, 6), date(2028, 12, 1))
        assert (first.valid_through, second.due_on) == (date(2028, 3, 5), date(2028, 3, 5))

    def test_a_record_of_a_gap_long_past(self) -> None:
        """A record found two years later covers its own year, and not today."""
        facts = history(
            done(date(2027, 3, 5)), done(date(2028, 3, 1), 1, recorded_on=date(2030, 1, 10))
        )
        _, second, third = periods(facts, since(ANNUAL), date(2030, 1, 10))
        assert (second.outcome, second.closed_on) == (PeriodOutcome.MET, date(2030, 1, 10))
        assert second.valid_through == date(2029, 3, 5)
        assert (third.cause, third.due_on) == (PeriodCause.RENEWAL, date(2029, 3, 5))
        assert reached(facts, since(ANNUAL), date(2029, 1, 1), date(2030, 1, 10)) == [
            "expired",
            "expired",
        ]


class TestMaterialChange:
    CHANGED = date(2027, 3, 8)

    def after(self, *evidence: Evidence) -> Facts:
        return history(published(self.CHANGED, 2, material=True), *evidence)

    def test_what_is_outdated_when_given_meets_nothing(self) -> None:
        facts = self.after(done(self.CHANGED + DAY))
        assert periods(facts, since(HIPAA), self.CHANGED + DAY)[0].outcome is PeriodOutcome.OPEN

    def test_on_the_day_of_the_change_the_old_version_still_counts(self) -> None:
        first, second = periods(self.after(done(self.CHANGED)), since(HIPAA), self.CHANGED)
        assert first.outcome is PeriodOutcome.MET
        assert (second.cause, second.number) == (PeriodCause.MATERIAL_CHANGE, 2)

    def test_credit_on_the_day_of_the_change_equals_the_new_version(self) -> None:
        facts = self.after(done(self.CHANGED, version=None))
        assert reached(facts, since(HIPAA), self.CHANGED) == ["compliant"]

    def test_no_days_to_train(self) -> None:
        at_once = HIPAA.model_copy(update={"retrain_days_after_material_change": 0})
        facts = self.after(done(self.CHANGED - DAY))
        days = (self.CHANGED, self.CHANGED + DAY)
        assert reached(facts, since(at_once), *days) == ["due_soon", "overdue"]


def test_evidence_that_adds_nothing_makes_no_period() -> None:
    """Training in January, before the window opens, does not move a due date in March."""
    march = Renewal(
        anchor=Anchor.FIXED_DATE, months=12, fixed_date=CalendarDay(month=3, day=31), window_days=30
    )
    facts = history(done(date(2027, 11, 20)), done(date(2028, 1, 10), 1))
    (only,) = periods(facts, since(rule(march)), date(2028, 1, 10))
    assert only.met_by == facts.evidence[0].id


class TestLateRecords:
    FACTS = history(done(date(2027, 3, 9), recorded_on=date(2027, 3, 20)))

    def test_each_day_is_answered_as_that_day_knew_it(self) -> None:
        days = (date(2027, 3, 9), date(2027, 3, 12), date(2027, 3, 20))
        assert reached(self.FACTS, since(BLOODBORNE), *days) == ["due", "overdue", "compliant"]

    def test_hindsight_answers_with_later_knowledge(self) -> None:
        known = in_hindsight(self.FACTS, date(2027, 3, 20))
        assert reached(known, since(BLOODBORNE), date(2027, 3, 12)) == ["compliant"]
        too_early = in_hindsight(self.FACTS, date(2027, 3, 19))
        assert reached(too_early, since(BLOODBORNE), date(2027, 3, 12)) == ["overdue"]

    def test_hindsight_forgets_what_came_later(self) -> None:
        facts = history(
            hire(),
            change(date(2027, 4, 1), department="Front desk", recorded_on=date(2027, 5, 1)),
            done(date(2027, 3, 9), withdrawn_on=date(2027, 6, 1)),
            waiver(date(2027, 8, 1), None, revoked_on=date(2027, 9, 1)),
        )
        known = in_hindsight(facts, date(2027, 5, 1))
        assert known.employment[1].recorded_on == date(2027, 4, 1)
        assert known.evidence[0].withdrawn_on is None
        assert known.exemptions == ()
        assert in_hindsight(facts, date(2027, 4, 30)).employment == facts.employment[:1]
        later = in_hindsight(facts, date(2027, 9, 1))
        assert later.evidence == ()
        assert later.exemptions[0].revoked_on == date(2027, 9, 1)
        assert in_hindsight(facts, date(2027, 8, 31)).exemptions[0].revoked_on is None

    def test_hindsight_of_an_exemption_recorded_late(self) -> None:
        late = replace(waiver(HIRED, date(2027, 4, 30)), recorded_on=date(2027, 4, 10))
        known = in_hindsight(history(late), date(2027, 4, 10))
        assert reached(history(late), since(ANNUAL), HIRED) == ["due"]
        assert reached(known, since(ANNUAL), HIRED) == ["exempt"]
        announced = replace(late, recorded_on=date(2027, 2, 1))
        assert in_hindsight(history(announced), HIRED).exemptions == (announced,)

    def test_of_two_changes_for_one_day_the_last_recorded_holds(self) -> None:
        wrong = hire(department="Front desk")
        corrected = change(HIRED, recorded_on=HIRED + 3 * DAY)
        for facts in (history(wrong, corrected), history(corrected, wrong)):
            assert reached(facts, since(BLOODBORNE), HIRED + 2 * DAY, HIRED + 3 * DAY) == [
                "not_required",
                "due",
            ]

    def test_of_two_recorded_on_one_day_the_last_given_holds(self) -> None:
        wrong, corrected = hire(department="Front desk"), hire()
        assert reached(history(wrong, corrected), since(BLOODBORNE), HIRED) == ["due"]
        assert reached(history(corrected, wrong), since(BLOODBORNE), HIRED) == ["not_required"]


class TestWithdrawnEvidence:
    def test_the_duty_begins_anew_when_nothing_is_left(self) -> None:
        facts = history(done(date(2027, 3, 5), withdrawn_on=date(2027, 6, 1)))
        days = (date(2027, 5, 31), date(2027, 6, 1), date(2027, 6, 2))
        assert reached(facts, since(ANNUAL), *days) == ["compliant", "due", "overdue"]

    def test_a_correction_takes_its_place(self) -> None:
        facts = history(
            done(date(2027, 3, 5), withdrawn_on=date(2027, 6, 1)),
            done(date(2027, 3, 4), 1, recorded_on=date(2027, 6, 1)),
        )
        first, second = periods(facts, since(ANNUAL), date(2027, 6, 1))
        assert (first.valid_through, second.valid_through) == (date(2028, 3, 5), date(2028, 3, 4))
        assert reached(facts, since(ANNUAL), date(2027, 6, 1)) == ["compliant"]
        assert covering([first, second], date(2027, 6, 1)) == second
        assert covering([first, second], date(2028, 3, 5)) == first
        assert covering([first, second], date(2027, 3, 4)) == second
        assert covering([first, second], date(2027, 3, 3)) is None

    def test_earlier_evidence_stands_again(self) -> None:
        facts = history(
            done(date(2027, 3, 5)), done(date(2028, 3, 1), 1, withdrawn_on=date(2028, 3, 3))
        )
        days = (date(2028, 3, 2), date(2028, 3, 3), date(2028, 3, 5), date(2028, 3, 6))
        assert reached(facts, since(ANNUAL), *days) == [
            "compliant",
            "due_soon",
            "due_soon",
            "expired",
        ]
