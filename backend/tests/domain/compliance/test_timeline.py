from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance import (
    ComplianceReason,
    ComplianceStatus,
    EmploymentChange,
    Evidence,
    Facts,
    RuleVersion,
    periods,
    status,
)
from app.domain.compliance.audience import PersonFacts
from app.domain.compliance.facts import employment_on
from app.domain.compliance.timeline import Segment, placements, timeline
from tests.domain.compliance.builders import (
    ANNUAL,
    BLOODBORNE,
    GONE,
    HIPAA,
    HIRED,
    change,
    done,
    hire,
    history,
    published,
    since,
)
from tests.domain.compliance.histories import FIRST_DAY, LAST_DAY, History, histories, some_days

DAY = timedelta(days=1)


def segments(facts: Facts, rules: tuple[RuleVersion, ...]) -> tuple[Segment, ...]:
    return timeline(facts, rules, placements(facts.employment), LAST_DAY).segments


def on(found: tuple[Segment, ...], day: date) -> Segment | None:
    holding = [segment for segment in found if segment.starts_on <= day <= segment.ends_on]
    assert len(holding) <= 1
    return holding[0] if holding else None


def placed_on(past: History, day: date) -> PersonFacts | None:
    change = employment_on(past.facts.employment, day)
    return change.person if change and change.is_employed(day) else None


class TestPlacements:
    @given(histories(), st.lists(some_days(), max_size=10))
    def test_say_who_somebody_is_on_every_day(self, past: History, samples: list[date]) -> None:
        found = placements(past.facts.employment)
        edges = {day for p in found for day in (p.starts_on - DAY, p.starts_on, p.ends_on)}
        for day in sorted({*samples, *edges, date.max}):
            holding = [each.person for each in found if each.starts_on <= day <= each.ends_on]
            assert holding == [person] if (person := placed_on(past, day)) else not holding

    @given(histories())
    def test_neighbours_differ(self, past: History) -> None:
        for before, after in pairwise(placements(past.facts.employment)):
            assert before.ends_on < after.starts_on
            assert before.ends_on + DAY < after.starts_on or before.person != after.person

    def test_an_absence_parts_them(self) -> None:
        """Somebody who comes back as the same person was away in between."""
        found = placements((hire(), change(HIRED + 9 * DAY, GONE), change(HIRED + 20 * DAY)))
        assert [(each.starts_on, each.ends_on) for each in found] == [
            (HIRED, HIRED + 8 * DAY),
            (HIRED + 20 * DAY, date.max),
        ]


class TestTimeline:
    @given(histories(), st.lists(some_days(), max_size=10))
    def test_says_what_status_says(self, past: History, samples: list[date]) -> None:
        found = segments(past.facts, past.rules)
        edges = {day for s in found for day in (s.starts_on - DAY, s.starts_on, s.ends_on)}
        for day in sorted({*samples, *edges, LAST_DAY + 900 * DAY}):
            line, segment = status(past.facts, past.rules, day), on(found, day)
            is_unasked = line.why.reason in {
                ComplianceReason.NO_RULE,
                ComplianceReason.NOT_EMPLOYED,
            }
            assert (segment is None) == is_unasked
            if segment:
                assert segment.person == placed_on(past, day)
                assert (segment.status, segment.due_on, segment.valid_through, segment.met_by) == (
                    line.status,
                    line.due_on,
                    line.valid_through,
                    line.met_by,
                )

    @given(histories())
    def test_neighbours_differ(self, past: History) -> None:
        found = segments(past.facts, past.rules)
        for before, after in pairwise(found):
            assert before.ends_on < after.starts_on
            if before.ends_on + DAY == after.starts_on:
                assert (before.status, before.due_on, before.valid_through, before.met_by) != (
                    after.status,
                    after.due_on,
                    after.valid_through,
                    after.met_by,
                ) or before.person != after.person

    @given(histories())
    def test_periods_are_those_of_the_day(self, past: History) -> None:
        worked = placements(past.facts.employment)
        for today in (FIRST_DAY, FIRST_DAY + 300 * DAY, LAST_DAY):
            found = timeline(past.facts, past.rules, worked, today).periods
            assert found == periods(past.facts, past.rules, today)

    @pytest.mark.parametrize(
        ("day", "expected"),
        [
            (HIRED - DAY, None),
            (HIRED, ComplianceStatus.DUE),
            (date(2027, 3, 5), ComplianceStatus.COMPLIANT),
            (date(2028, 2, 4), ComplianceStatus.DUE_SOON),
            (date(2028, 3, 5), ComplianceStatus.DUE_SOON),
            (date(2028, 3, 6), ComplianceStatus.EXPIRED),
            (date.max, ComplianceStatus.EXPIRED),
        ],
    )
    def test_a_year(self, day: date, expected: ComplianceStatus | None) -> None:
        found = on(segments(history(done(date(2027, 3, 5))), since(ANNUAL)), day)
        assert (found.status if found else None) == expected


class TestDated:
    """Segments of one day, at the turns of a status and of a placement."""

    def days(self, *facts: EmploymentChange | Evidence) -> list[tuple[date, date, str]]:
        found = segments(history(*facts), since(ANNUAL))
        return [(each.starts_on, each.ends_on, each.status.value) for each in found]

    def test_expired_for_a_day(self) -> None:
        late = date(2028, 3, 7)
        found = self.days(done(date(2027, 3, 5)), done(late, 1))
        assert found[:5] == [
            (HIRED, date(2027, 3, 4), "due"),
            (date(2027, 3, 5), date(2028, 2, 3), "compliant"),
            (date(2028, 2, 4), date(2028, 3, 5), "due_soon"),
            (date(2028, 3, 6), date(2028, 3, 6), "expired"),
            (late, date(2029, 2, 4), "compliant"),
        ]

    def test_expired_after_retraining_was_overdue(self) -> None:
        facts = history(done(HIRED), published(date(2027, 9, 1), 2, material=True))
        found = segments(facts, since(HIPAA))
        assert [(each.starts_on, each.ends_on, each.status.value) for each in found] == [
            (HIRED, date(2027, 8, 31), "compliant"),
            (date(2027, 9, 1), date(2027, 10, 1), "due_soon"),
            (date(2027, 10, 2), date(2029, 3, 1), "overdue"),
            (date(2029, 3, 2), date.max, "expired"),
        ]

    def test_overdue_on_the_last_day_of_a_placement(self) -> None:
        overdue = HIRED + 11 * DAY
        moved = change(overdue + DAY, department="Front desk")
        assert self.days(hire(), moved) == [
            (HIRED, overdue - DAY, "due"),
            (overdue, overdue, "overdue"),
            (overdue + DAY, date.max, "overdue"),
        ]

    def test_a_move_on_the_day_of_a_turn(self) -> None:
        overdue = HIRED + 11 * DAY
        moved = change(overdue, department="Front desk")
        back = change(overdue + DAY, department="Hygiene")
        assert self.days(hire(), moved, back) == [
            (HIRED, overdue - DAY, "due"),
            (overdue, overdue, "overdue"),
            (overdue + DAY, date.max, "overdue"),
        ]


class TestOutside:
    """Somebody whom no rule ever meant is not required on the days on which one is in force."""

    DESK = hire(HIRED, department="Front desk")
    FOREVER = date.max

    def days(self, facts: Facts, *rules: RuleVersion) -> list[tuple[date, date]]:
        found = segments(facts, rules)
        assert {each.status for each in found} <= {ComplianceStatus.NOT_REQUIRED}
        assert {each.person for each in found} <= {self.DESK.person}
        return [(each.starts_on, each.ends_on) for each in found]

    def test_of_one_day(self) -> None:
        gone = change(HIRED + DAY, GONE, department="Front desk")
        facts = history(self.DESK, gone)
        assert self.days(facts, *since(BLOODBORNE)) == [(HIRED, HIRED)]
        last_day = RuleVersion(HIRED + DAY, HIRED + DAY, None)
        assert self.days(history(self.DESK), *since(BLOODBORNE), last_day) == [(HIRED, HIRED)]

    @pytest.mark.parametrize(
        ("effective", "recorded"), [(HIRED, HIRED + 9 * DAY), (HIRED + 9 * DAY, HIRED)]
    )
    def test_once_a_rule_is_known_and_in_force(self, effective: date, recorded: date) -> None:
        rule = RuleVersion(effective, recorded, BLOODBORNE)
        assert self.days(history(self.DESK), rule) == [(HIRED + 9 * DAY, self.FOREVER)]

    def test_rules_come_and_go(self) -> None:
        """A rule is planned, begins, is edited, is withdrawn twice, and comes back."""
        asked = (None, BLOODBORNE, BLOODBORNE, None, None, BLOODBORNE)
        days = [HIRED + number * 10 * DAY for number in range(6)]
        rules = (RuleVersion(day, day, rule) for day, rule in zip(days, asked, strict=True))
        assert self.days(history(self.DESK), *rules) == [
            (days[1], days[3] - DAY),
            (days[5], self.FOREVER),
        ]
