"""A course counts for only one cycle of the person's own licence."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from app.domain.compliance import Evidence, Licence, in_hindsight, periods, status
from app.domain.compliance.requirement import Renewal
from app.domain.recurrence import Anchor, EarlyRenewal, add_months, cycle_end, next_cycle_end
from tests.domain.compliance.builders import change, done, hire, history, reached, rule, since

HIRED = date(2020, 1, 6)
RENEWAL = Renewal(anchor=Anchor.LICENCE_CYCLE, months=24, licence_kind="rdh", window_days=90)
PRACTICE_ACT = rule(RENEWAL, days=30, citation="16 CCR 1017(a)(2)")
LAST = Licence("rdh", date(2026, 11, 30), date(2024, 12, 1))
NEXT = Licence("rdh", date(2028, 10, 31), date(2026, 11, 20))
DAY = timedelta(days=1)

days = st.dates(date(1990, 1, 1), date(2060, 12, 31))
months = st.sampled_from([1, 12, 24, 36])
expiries = st.lists(days, min_size=1, max_size=4)
some_courses = st.lists(st.dates(date(2021, 1, 1), date(2030, 1, 1)), max_size=6)


def valid_through(*facts: Evidence | Licence, on: date) -> date | None:
    evidence = [fact for fact in facts if isinstance(fact, Evidence)]
    known = tuple(fact for fact in facts if isinstance(fact, Licence))
    held = replace(history(hire(HIRED), *evidence), licences=known)
    return status(held, since(PRACTICE_ACT), on).valid_through


class TestExamples:
    def test_two_courses_in_one_cycle_serve_it_once(self) -> None:
        """Neither lies in the cycle from 2026-12-01 to 2028-11-30, which asks for another one."""
        courses = done(date(2024, 12, 10)), done(date(2026, 11, 1), 1)
        assert valid_through(*courses, LAST, on=date(2026, 11, 28)) == date(2028, 11, 30)

    def test_what_it_would_be_by_months_alone(self) -> None:
        courses = done(date(2024, 12, 10)), done(date(2026, 11, 1), 1)
        kept = replace(history(hire(HIRED), *courses), licences=(LAST,))
        by_months = rule(Renewal(months=24, window_days=90))
        found = status(kept, since(by_months), date(2026, 11, 28))
        assert found.valid_through == date(2028, 12, 10)

    def test_the_first_day_of_a_cycle_serves_the_new_one(self) -> None:
        last_day, first_day = done(date(2026, 11, 30)), done(date(2026, 12, 1))
        assert valid_through(last_day, LAST, on=date(2026, 12, 1)) == date(2028, 11, 30)
        assert valid_through(first_day, LAST, on=date(2026, 12, 1)) == date(2030, 11, 30)

    def test_the_printed_expiry_takes_the_place_of_the_expected_one(self) -> None:
        course = done(date(2026, 12, 5))
        assert valid_through(course, LAST, NEXT, on=date(2026, 12, 5)) == date(2030, 10, 31)

    def test_a_cycle_ends_with_the_licence_however_short_it_is(self) -> None:
        course, early = done(date(2026, 11, 1)), replace(NEXT, printed_expiry=date(2027, 3, 31))
        known = in_hindsight(
            replace(history(hire(HIRED), course), licences=(LAST, early)), date(2026, 12, 1)
        )
        assert status(known, since(PRACTICE_ACT), date(2026, 12, 1)).valid_through == date(
            2027, 3, 31
        )

    def test_a_licence_entered_late_gives_the_dates_of_timely_entry(self) -> None:
        course, late = done(date(2024, 12, 10)), replace(LAST, recorded_on=date(2026, 11, 28))
        facts = replace(history(hire(HIRED), course), licences=(late,))
        known = in_hindsight(facts, date(2026, 11, 28))
        found = status(known, since(PRACTICE_ACT), date(2025, 6, 1))
        assert found.valid_through == date(2028, 11, 30)

    def test_without_a_licence_the_months_count(self) -> None:
        courses = done(date(2024, 12, 10)), done(date(2026, 12, 1), 1)
        assert valid_through(courses[0], on=date(2026, 11, 28)) == date(2026, 12, 10)
        assert valid_through(*courses, on=date(2026, 12, 1)) == date(2028, 12, 1)

    def test_a_licence_of_another_kind_or_withdrawn_does_not_count(self) -> None:
        other, withdrawn = replace(LAST, kind="dds"), replace(LAST, withdrawn_on=date(2024, 12, 5))
        course = done(date(2024, 12, 10))
        for licence in (other, withdrawn):
            assert valid_through(course, licence, on=date(2025, 1, 1)) == date(2026, 12, 10)

    def test_what_is_missing_in_the_cycle_is_seen(self) -> None:
        facts = replace(history(hire(HIRED), done(date(2024, 12, 10))), licences=(LAST,))
        assert reached(
            facts,
            since(PRACTICE_ACT),
            *(date(2026, 12, 1), date(2028, 8, 31), date(2028, 9, 1), date(2028, 12, 1)),
        ) == ["compliant", "compliant", "due_soon", "expired"]

    def test_a_new_hire_starts_by_the_rule(self) -> None:
        facts = replace(
            history(change(date(2026, 11, 2), hired_on=date(2026, 11, 2))), licences=(LAST,)
        )
        found = status(facts, since(PRACTICE_ACT), date(2026, 11, 3))
        assert (found.status, found.due_on) == ("due", date(2026, 12, 2))


class TestProperties:
    @given(days, expiries, months)
    def test_a_day_lies_in_its_cycle(self, day: date, printed: list[date], length: int) -> None:
        end = cycle_end(day, printed, length)
        assert day <= end
        assert cycle_end(end, printed, length) == end

    @given(days, days, expiries, months)
    def test_a_later_day_never_lies_in_an_earlier_cycle(
        self, one: date, other: date, printed: list[date], length: int
    ) -> None:
        earlier, later = sorted((one, other))
        assert cycle_end(earlier, printed, length) <= cycle_end(later, printed, length)

    @given(days, st.integers(0, 3), months)
    def test_the_next_cycle_begins_on_the_day_after(
        self, day: date, apart: int, length: int
    ) -> None:
        printed = [day, day + apart * DAY]
        assert next_cycle_end(day, printed, length) == cycle_end(day + DAY, printed, length)

    @given(expiries, months)
    def test_every_printed_expiry_ends_a_cycle(self, printed: list[date], length: int) -> None:
        for expiry in printed:
            assert cycle_end(expiry, printed, length) == expiry
            assert cycle_end(expiry + DAY, printed, length) > expiry

    @given(days, expiries, months)
    def test_no_cycle_beyond_the_printed_ones_is_longer_than_the_months(
        self, day: date, printed: list[date], length: int
    ) -> None:
        end = cycle_end(day, printed, length)
        if end < min(printed) or end > max(printed):
            assert add_months(end, -length) <= day + 3 * DAY

    @given(
        st.lists(st.dates(date(2021, 1, 1), date(2030, 1, 1)), max_size=6),
        st.sampled_from([12, 24, 36]),
    )
    def test_no_cycle_is_served_twice(self, courses: list[date], length: int) -> None:
        asked = rule(RENEWAL.model_copy(update={"months": length}), days=30)
        evidence = [done(day, number) for number, day in enumerate(courses)]
        facts = replace(history(hire(HIRED), *evidence), licences=(LAST,))
        known = in_hindsight(facts, date(2031, 1, 1))
        met = [p.met_on for p in periods(known, since(asked), date(2031, 1, 1)) if p.met_on]
        served = [cycle_end(day, [LAST.printed_expiry], length) for day in met]
        assert len(served) == len(set(served))


class TestRule:
    @pytest.mark.parametrize(
        ("fields", "code"),
        [
            ({"anchor": Anchor.LICENCE_CYCLE, "months": 24}, "licence_kind_mismatch"),
            ({"months": 24, "licence_kind": "rdh"}, "licence_kind_mismatch"),
            ({"anchor": Anchor.LICENCE_CYCLE, "licence_kind": "rdh"}, "months_missing"),
            (
                {
                    "anchor": Anchor.LICENCE_CYCLE,
                    "months": 24,
                    "licence_kind": "rdh",
                    "early_renewal": EarlyRenewal.REANCHOR,
                },
                "anchor_cannot_move",
            ),
        ],
    )
    def test_refused(self, fields: dict[str, object], code: str) -> None:
        with pytest.raises(ValidationError) as refused:
            Renewal.model_validate(fields)
        assert code in {error["type"] for error in refused.value.errors()}
