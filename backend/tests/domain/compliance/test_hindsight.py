"""The day of an event and the day when it was entered are kept apart (29 CFR 1910.1030(g)(2))."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance import (
    ComplianceStatus,
    Facts,
    RuleVersion,
    in_hindsight,
    rules_in_hindsight,
    status,
)
from app.domain.compliance.hindsight import employment_in_hindsight
from app.domain.compliance.requirement import DaysAfter, MonthsAfter, Renewal, Rule
from tests.domain.compliance.builders import (
    ALL,
    ANNUAL,
    BLOODBORNE,
    BLS,
    GONE,
    LEAVE,
    card,
    change,
    done,
    hire,
    history,
    published,
    rule,
    since,
    waiver,
)
from tests.domain.compliance.histories import LAST_DAY, History, histories, some_days
from tests.domain.compliance.test_properties import SLOW

TODAY = date(2026, 11, 28)
HIRED = date(2024, 1, 8)
INSTALLED = date(2026, 11, 27)
MANAGERS = rule(
    Renewal(months=24),
    first_due=MonthsAfter(event="assignment", months=6),
    audience=ALL.model_copy(update={"everyone": False, "departments": frozenset({"Management"})}),
)


def known_today(asked: Rule, *facts: object, ruled: date = INSTALLED) -> tuple[str, date | None]:
    """Return status and due day, today, of somebody hired in 2024 with rules of this week."""
    known = in_hindsight(history(hire(HIRED), *facts), TODAY)  # type: ignore[arg-type]  # one of four
    line = status(known, rules_in_hindsight(since(asked, ruled), TODAY), TODAY)
    return line.status.value, line.due_on


class TestEnteredLate:
    """Facts entered today, each with its right dates, which are never a new first due date."""

    def test_a_training_of_last_year_has_lapsed(self) -> None:
        late = done(date(2025, 11, 26), recorded_on=TODAY)
        assert known_today(BLOODBORNE, late) == ("expired", date(2026, 11, 26))

    def test_a_licence_has_run_out(self) -> None:
        late = replace(card(date(2024, 10, 20), date(2026, 10, 31)), recorded_on=TODAY)
        assert known_today(BLS, late) == ("expired", date(2026, 10, 31))

    def test_a_promotion_counts_from_its_day(self) -> None:
        late = change(date(2026, 3, 1), recorded_on=TODAY, department="Management", hired_on=HIRED)
        known = known_today(MANAGERS, late, ruled=date(2024, 1, 1))
        assert known == ("overdue", date(2026, 9, 1))

    def test_a_forged_card_never_held(self) -> None:
        forged = done(date(2026, 2, 1), withdrawn_on=TODAY)
        assert known_today(BLOODBORNE, forged, ruled=date(2024, 1, 1)) == (
            "overdue",
            date(2024, 1, 18),
        )

    def test_a_rehire_after_a_lapse(self) -> None:
        facts = (
            done(date(2025, 3, 1)),
            change(date(2025, 6, 1), GONE, hired_on=HIRED),
            hire(date(2026, 11, 2)),
        )
        known = known_today(BLOODBORNE, *facts, ruled=date(2024, 1, 1))
        assert known == ("expired", date(2026, 3, 1))

    def test_a_corrected_date_of_hire(self) -> None:
        entered = change(date(2026, 11, 20), hired_on=None)
        corrected = change(TODAY, hired_on=date(2026, 9, 20))
        known = in_hindsight(history(entered, corrected), TODAY)
        asked = rule(Renewal(months=12), first_due=DaysAfter(event="hire", days=30))
        rules = rules_in_hindsight(since(asked, date(2024, 1, 1)), TODAY)
        line = status(known, rules, TODAY)
        assert (line.status, line.due_on) == (ComplianceStatus.OVERDUE, date(2026, 10, 20))

    def test_a_waiver_counts_from_its_day(self) -> None:
        late = replace(waiver(date(2026, 10, 1), None), recorded_on=TODAY)
        known = in_hindsight(history(hire(HIRED), late), TODAY)
        assert status(known, since(ANNUAL), date(2026, 10, 15)).status is ComplianceStatus.EXEMPT

    def test_what_lapsed_before_the_first_hire_is_history(self) -> None:
        """Entering an old card makes nobody worse off than not entering it."""
        old = replace(card(date(2019, 1, 1), date(2021, 1, 31)), recorded_on=TODAY)
        with_card = known_today(BLS, old, ruled=date(2024, 1, 1))
        assert with_card == known_today(BLS, ruled=date(2024, 1, 1)) == ("overdue", HIRED)

    @pytest.mark.parametrize(
        ("as_of", "expected"),
        [
            (date(2024, 12, 31), "overdue"),
            (date(2025, 6, 1), "compliant"),
            (date(2026, 1, 9), "compliant"),
            (date(2027, 1, 9), "expired"),
        ],
    )
    def test_days_before_the_product_are_answered(self, as_of: date, expected: str) -> None:
        trainings = (
            done(date(2025, 1, 10), 1, recorded_on=TODAY),
            done(date(2026, 1, 8), 2, recorded_on=TODAY),
        )
        known = in_hindsight(history(hire(HIRED), *trainings), TODAY)
        entered = (RuleVersion(date(2024, 1, 1), INSTALLED, BLOODBORNE),)
        assert status(known, rules_in_hindsight(entered, TODAY), as_of).status == expected


class TestWhatWasKnown:
    def test_an_earlier_day_knew_otherwise(self) -> None:
        facts = history(hire(HIRED), done(date(2026, 1, 8), recorded_on=date(2026, 5, 1)))
        rules = since(ANNUAL)
        day = date(2026, 3, 1)
        then = status(in_hindsight(facts, day), rules, day)
        now = status(in_hindsight(facts, TODAY), rules, day)
        assert (then.status, now.status) == (ComplianceStatus.OVERDUE, ComplianceStatus.COMPLIANT)

    def test_an_edit_of_a_rule_does_not_reach_back(self) -> None:
        rules = (*since(ANNUAL), RuleVersion(date(2026, 1, 1), date(2026, 10, 1), None))
        facts = in_hindsight(history(hire(HIRED), done(date(2026, 1, 8))), TODAY)
        known = rules_in_hindsight(rules, TODAY)
        assert status(facts, known, date(2026, 8, 1)).status is ComplianceStatus.COMPLIANT
        assert status(facts, known, date(2026, 10, 1)).status is ComplianceStatus.NOT_REQUIRED

    def test_publications_to_come_are_not_known(self) -> None:
        facts = history(hire(HIRED), published(TODAY, 2, material=True))
        assert in_hindsight(facts, TODAY - timedelta(days=1)).publications == ()
        assert in_hindsight(facts, TODAY).publications == facts.publications

    def test_a_rule_is_known_on_the_day_on_which_it_is_entered(self) -> None:
        entered = since(ANNUAL, TODAY)
        assert rules_in_hindsight(entered, TODAY) == entered
        assert rules_in_hindsight(entered, TODAY - timedelta(days=1)) == ()


class TestEmploymentsInHindsight:
    """An employment begins on its date of hire, as last corrected, and after the last one."""

    def test_a_correction_holds_for_the_whole_employment(self) -> None:
        entered = change(date(2026, 1, 12), hired_on=None)
        moved = change(date(2026, 3, 1), department="Front desk", hired_on=None)
        corrected = change(TODAY, hired_on=HIRED)
        found = employment_in_hindsight((entered, moved, corrected), TODAY)
        assert [each.effective_on for each in found] == [HIRED, date(2026, 3, 1), TODAY]
        assert [each.person.hired_on for each in found] == [HIRED] * 3
        assert [each.person.department for each in found] == ["Hygiene", "Front desk", "Hygiene"]

    def test_a_correction_of_the_day_on_which_a_leave_of_before_was_recorded(self) -> None:
        leave = change(date(2026, 3, 1), LEAVE, recorded_on=TODAY, hired_on=None)
        changes = (change(date(2026, 1, 12), hired_on=None), leave, change(TODAY, hired_on=HIRED))
        found = employment_in_hindsight(changes, TODAY)
        assert [each.person.hired_on for each in found] == [HIRED] * 3

    def test_a_rehire_does_not_reach_into_the_employment_before(self) -> None:
        first = (
            hire(HIRED),
            change(date(2024, 6, 1), LEAVE, hired_on=HIRED),
            change(date(2025, 6, 1), GONE, hired_on=HIRED),
        )
        again = change(date(2026, 11, 2), hired_on=HIRED)
        found = employment_in_hindsight((*first, again), TODAY)
        assert found[:3] == first
        assert found[3].effective_on == date(2025, 6, 1)

    def test_a_second_termination_begins_nothing(self) -> None:
        changes = (
            hire(HIRED),
            change(date(2025, 6, 1), GONE, hired_on=HIRED),
            change(date(2025, 7, 1), GONE, hired_on=HIRED),
        )
        assert employment_in_hindsight(changes, TODAY) == changes


def entered_in_time(facts: Facts) -> Facts:
    """Return the same facts, each recorded on the day on which it took effect."""
    return Facts(
        tuple(replace(c, recorded_on=min(c.recorded_on, c.effective_on)) for c in facts.employment),
        tuple(replace(e, recorded_on=e.day) for e in facts.evidence),
        tuple(replace(x, recorded_on=min(x.recorded_on, x.starts_on)) for x in facts.exemptions),
        facts.publications,
        tuple(replace(x, recorded_on=date.min) for x in facts.licences),
        tuple(replace(x, recorded_on=x.day) for x in facts.incidents),
    )


class TestProperties:
    @SLOW
    @given(histories(), some_days())
    def test_late_entry_gives_the_dates_of_timely_entry(self, history: History, day: date) -> None:
        """Once all facts are known, the order in which they were entered makes no difference."""
        changes = sorted(history.facts.employment, key=lambda change: change.recorded_on)
        facts = replace(history.facts, employment=tuple(changes))
        rules = rules_in_hindsight(history.rules, LAST_DAY)
        late = status(in_hindsight(facts, date.max), rules, day)
        timely = status(in_hindsight(entered_in_time(facts), date.max), rules, day)
        assert late == timely

    @SLOW
    @given(histories(), some_days(), st.integers(1, 400))
    def test_knowledge_of_a_day_stays(self, history: History, day: date, later: int) -> None:
        """Facts recorded after a day do not change what was known on that day."""
        facts = history.facts
        cut = Facts(
            tuple(c for c in facts.employment if c.recorded_on <= day + timedelta(days=later)),
            tuple(e for e in facts.evidence if e.recorded_on <= day + timedelta(days=later)),
            tuple(x for x in facts.exemptions if x.recorded_on <= day + timedelta(days=later)),
            facts.publications,
            tuple(x for x in facts.licences if x.recorded_on <= day + timedelta(days=later)),
            tuple(x for x in facts.incidents if x.recorded_on <= day + timedelta(days=later)),
        )
        assert in_hindsight(cut, day) == in_hindsight(facts, day)

    @SLOW
    @given(histories())
    def test_everything_known_is_on_record_from_its_day(self, history: History) -> None:
        known = in_hindsight(history.facts, LAST_DAY)
        assert all(c.recorded_on <= c.effective_on for c in known.employment)
        assert all(e.recorded_on <= e.day and e.withdrawn_on is None for e in known.evidence)
        assert all(x.recorded_on <= x.starts_on for x in known.exemptions)
