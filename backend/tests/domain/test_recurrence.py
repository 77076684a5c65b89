from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.recurrence import (
    Anchor,
    EarlyRenewal,
    MonthDay,
    Recurrence,
    Schedule,
    Validity,
    add_days,
    add_months,
    end_of_month,
    local_day,
    nth_annual,
    validity,
    window_start,
)

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
DAYS = st.dates(date(1975, 1, 1), date(2080, 12, 31))
ZONES = st.sampled_from(
    [
        "America/New_York",
        "America/Chicago",
        "America/Denver",
        "America/Phoenix",
        "America/Los_Angeles",
        "America/Anchorage",
        "Pacific/Honolulu",
        "America/Puerto_Rico",
        "America/St_Johns",  # used to change its clocks one minute after midnight
        "America/Havana",  # midnight itself is skipped and repeated
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Australia/Lord_Howe",  # changes by half an hour
        "Asia/Kathmandu",
        "UTC",
    ]
)
ANNUAL = Recurrence(Anchor.COMPLETION, 12, window_days=30)
CAPPED = Recurrence(Anchor.COMPLETION, 12, window_days=30, hard_cap_months=12)


class TestAddMonths:
    @pytest.mark.parametrize(
        ("day", "months", "expected"),
        [
            (date(2027, 11, 20), 12, date(2028, 11, 20)),
            (date(2028, 2, 29), 12, date(2029, 2, 28)),
            (date(2028, 2, 29), 48, date(2032, 2, 29)),
            (date(2027, 1, 31), 1, date(2027, 2, 28)),
            (date(2028, 1, 31), 1, date(2028, 2, 29)),
            (date(2027, 8, 31), 1, date(2027, 9, 30)),
            (date(2027, 12, 31), 1, date(2028, 1, 31)),
            (date(2027, 12, 15), 0, date(2027, 12, 15)),
            (date(2028, 3, 31), -1, date(2028, 2, 29)),
            (date(2028, 1, 15), -1, date(2027, 12, 15)),
        ],
    )
    def test_clamps_to_the_month(self, day: date, months: int, expected: date) -> None:
        assert add_months(day, months) == expected

    @given(DAYS, st.integers(-600, 600))
    def test_lands_in_the_right_month_on_the_right_day(self, day: date, months: int) -> None:
        result = add_months(day, months)
        assert (result.year - day.year) * 12 + result.month - day.month == months
        assert result.day == day.day or (result.day < day.day and result == end_of_month(result))

    @given(DAYS, st.integers(0, 300), st.integers(0, 300))
    def test_more_months_are_never_earlier(self, day: date, fewer: int, more: int) -> None:
        fewer, more = sorted((fewer, more))
        assert add_months(day, fewer) <= add_months(day, more)


class TestCalendarEnds:
    def test_nothing_overflows(self) -> None:
        assert add_days(date(9999, 12, 30), 1) == date.max
        assert add_days(date.max, 1) == date.max
        assert add_days(date.min, -1) == date.min
        assert add_days(date(1, 1, 2), -1) == date.min
        assert add_days(date(2027, 3, 1), 10**12) == date.max
        assert add_days(date(2027, 3, 1), -(10**12)) == date.min

    def test_recurs_in_the_first_and_the_last_year(self) -> None:
        years = [0, 1, 9999, 10_000]
        expected = [date.min, date(1, 3, 1), date(9999, 3, 1), date.max]
        assert [MonthDay(3, 1).in_year(year) for year in years] == expected
        assert add_months(date(9999, 1, 31), 11) == date.max
        assert add_months(date(9999, 6, 1), 12) == date.max
        assert add_months(date(9998, 6, 1), 12) == date(9999, 6, 1)
        assert add_months(date(2, 6, 1), -12) == date(1, 6, 1)
        assert add_months(date(1, 6, 1), -12) == date.min
        assert nth_annual(date.max, MonthDay(3, 31), 1) == date.max
        assert window_start(date(1, 1, 5), 30) == date.min

    @given(st.dates(), st.integers(0, 5000))
    def test_days(self, day: date, days: int) -> None:
        later = add_days(day, days)
        assert (later - day).days == days or later == date.max


class TestNthAnnual:
    def test_a_day_is_not_after_itself(self) -> None:
        assert nth_annual(date(2027, 3, 31), MonthDay(3, 31), 1) == date(2028, 3, 31)
        assert nth_annual(date(2027, 3, 30), MonthDay(3, 31), 1) == date(2027, 3, 31)

    def test_29_february(self) -> None:
        leap_day = MonthDay(2, 29)
        assert nth_annual(date(2027, 1, 1), leap_day, 1) == date(2027, 2, 28)
        assert nth_annual(date(2027, 2, 28), leap_day, 1) == date(2028, 2, 29)
        assert nth_annual(date(2028, 2, 28), leap_day, 2) == date(2029, 2, 28)

    @given(DAYS, DAYS, st.integers(1, 5))
    def test_counts_occurrences(self, after: date, recurring: date, n: int) -> None:
        month_day = MonthDay.of(recurring)
        end = nth_annual(after, month_day, n)
        years = range(after.year, after.year + n + 2)
        occurrences = [month_day.in_year(year) for year in years]
        assert end in occurrences
        assert len([day for day in occurrences if after < day <= end]) == n


class TestInstants:
    def test_2330_in_los_angeles_counts_for_that_day(self) -> None:
        completed = datetime(2027, 11, 20, 23, 30, tzinfo=LOS_ANGELES).astimezone(UTC)
        assert completed.date() == date(2027, 11, 21)
        assert local_day(completed, LOS_ANGELES) == date(2027, 11, 20)

    @pytest.mark.parametrize(
        ("first", "last", "day"),
        [
            ("2027-03-14T08:00:00Z", "2027-03-15T06:59:59Z", date(2027, 3, 14)),  # 23 hours
            ("2027-11-07T07:00:00Z", "2027-11-08T07:59:59Z", date(2027, 11, 7)),  # 25 hours
        ],
    )
    def test_days_on_which_clocks_change(self, first: str, last: str, day: date) -> None:
        begins, ends = datetime.fromisoformat(first), datetime.fromisoformat(last)
        assert local_day(begins, LOS_ANGELES) == local_day(ends, LOS_ANGELES) == day
        assert local_day(begins - timedelta(seconds=1), LOS_ANGELES) == day - timedelta(days=1)
        assert local_day(ends + timedelta(seconds=1), LOS_ANGELES) == day + timedelta(days=1)

    def test_naive_instants_are_refused(self) -> None:
        with pytest.raises(ValueError, match=r"^an instant needs a time zone$"):
            local_day(datetime(2027, 11, 20, 23, 30), LOS_ANGELES)  # noqa: DTZ001  # the point


class TestCompletionAnchor:
    def test_one_year_is_a_calendar_year_and_inclusive(self) -> None:
        result = validity(ANNUAL, date(2027, 11, 20))
        assert result.valid_through == date(2028, 11, 20)
        assert result.lasts_until(date(2028, 11, 20))
        assert not result.lasts_until(date(2028, 11, 21))

    def test_renewal_on_the_first_day_of_the_window_keeps_the_anniversary(self) -> None:
        first = validity(ANNUAL, date(2027, 11, 20))
        assert window_start(date(2028, 11, 20), 30) == date(2028, 10, 21)
        renewed = validity(ANNUAL, date(2028, 10, 21), previous=first)
        assert renewed.valid_through == date(2029, 11, 20)

    def test_renewal_on_the_last_day_keeps_it_too(self) -> None:
        first = validity(ANNUAL, date(2027, 11, 20))
        renewed = validity(ANNUAL, date(2028, 11, 20), previous=first)
        assert renewed.valid_through == date(2029, 11, 20)

    @pytest.mark.parametrize("day", [date(2028, 10, 20), date(2028, 11, 21)])
    def test_a_day_outside_the_window_counts_from_itself(self, day: date) -> None:
        first = validity(ANNUAL, date(2027, 11, 20))
        assert validity(ANNUAL, day, previous=first).valid_through == add_months(day, 12)

    def test_reanchoring(self) -> None:
        rule = Recurrence(Anchor.COMPLETION, 12, 30, EarlyRenewal.REANCHOR)
        first = validity(rule, date(2027, 11, 20))
        renewed = validity(rule, date(2028, 11, 1), previous=first)
        assert renewed.valid_through == date(2029, 11, 1)

    def test_the_cap_wins_over_the_kept_anniversary(self) -> None:
        first = validity(CAPPED, date(2027, 11, 20))
        assert first.valid_through == date(2028, 11, 20)
        renewed = validity(CAPPED, date(2028, 11, 5), previous=first)
        assert renewed.valid_through == date(2029, 11, 5)

    def test_a_clamped_month_end_does_not_drift(self) -> None:
        monthly = Recurrence(Anchor.COMPLETION, 1, window_days=10)
        held = validity(monthly, date(2027, 1, 31))
        ends = [held.valid_through]
        for _ in range(3):
            assert held.valid_through
            held = validity(monthly, held.valid_through, previous=held)
            ends.append(held.valid_through)
        assert ends == [date(2027, 2, 28), date(2027, 3, 31), date(2027, 4, 30), date(2027, 5, 31)]

    def test_29_february_returns_in_leap_years(self) -> None:
        held = validity(ANNUAL, date(2028, 2, 29))
        for year in (2029, 2030, 2031):
            assert held.valid_through == date(year, 2, 28)
            held = validity(ANNUAL, date(year, 2, 20), previous=held)
        assert held.valid_through == date(2032, 2, 29)

    def test_no_months_never_expire(self) -> None:
        event_driven = Recurrence(Anchor.COMPLETION, None)
        assert validity(event_driven, date(2027, 11, 20)).lasts_until(date(2099, 1, 1))

    def test_a_printed_expiry_is_never_exceeded(self) -> None:
        result = validity(ANNUAL, date(2027, 11, 20), printed_expiry=date(2028, 6, 30))
        assert result.valid_through == date(2028, 6, 30)
        unbounded = Recurrence(Anchor.COMPLETION, None)
        result = validity(unbounded, date(2027, 11, 20), printed_expiry=date(2028, 6, 30))
        assert result.valid_through == date(2028, 6, 30)

    @given(DAYS, st.lists(st.integers(1, 500), max_size=8))
    def test_the_cap_holds_for_any_series(self, day: date, gaps: list[int]) -> None:
        held = validity(CAPPED, day)
        for gap in gaps:
            day += timedelta(days=gap)
            held = validity(CAPPED, day, previous=held)
            assert held.valid_through is not None
            assert day < held.valid_through <= add_months(day, 12)

    @given(DAYS, st.sampled_from([1, 3, 6, 12, 24, 48]), st.integers(1, 12))
    def test_punctual_renewals_stay_on_the_first_anchor(
        self, day: date, months: int, times: int
    ) -> None:
        rule = Recurrence(Anchor.COMPLETION, months, window_days=10)
        held = validity(rule, day)
        for _ in range(times):
            assert held.valid_through
            held = validity(rule, held.valid_through - timedelta(days=3), previous=held)
        assert held.valid_through == add_months(day, months * (times + 1))


class TestOtherAnchors:
    def test_end_of_month(self) -> None:
        rule = Recurrence(Anchor.END_OF_MONTH, 12, window_days=30)
        assert validity(rule, date(2027, 2, 10)).valid_through == date(2028, 2, 29)
        held = validity(rule, date(2027, 4, 10))
        renewed = validity(rule, date(2028, 4, 2), previous=held)
        assert renewed.valid_through == date(2029, 4, 30)

    def test_the_cap_cuts_the_end_of_the_month(self) -> None:
        rule = Recurrence(Anchor.END_OF_MONTH, 12, hard_cap_months=12)
        assert validity(rule, date(2027, 4, 10)).valid_through == date(2028, 4, 10)

    def test_fixed_date_first_period_is_short(self) -> None:
        rule = Recurrence(Anchor.FIXED_DATE, 12, window_days=30)
        march = MonthDay(3, 31)
        held = validity(rule, date(2027, 11, 20), recurring=march)
        assert held.valid_through == date(2028, 3, 31)
        renewed = validity(rule, date(2028, 3, 15), recurring=march, previous=held)
        assert renewed.valid_through == date(2029, 3, 31)

    @pytest.mark.parametrize(
        ("completed", "valid_through"),
        [
            (date(2026, 11, 20), date(2027, 12, 31)),
            (date(2026, 10, 2), date(2027, 12, 31)),
            (date(2026, 10, 1), date(2026, 12, 31)),
        ],
    )
    def test_nobody_is_asked_again_after_a_few_weeks(
        self, completed: date, valid_through: date
    ) -> None:
        rule = Recurrence(Anchor.FIXED_DATE, 12, window_days=30, shortest_days=90)
        held = validity(rule, completed, recurring=MonthDay(12, 31))
        assert held.valid_through == valid_through

    def test_the_cap_wins_over_the_next_annual_day(self) -> None:
        rule = Recurrence(Anchor.FIXED_DATE, 12, 30, hard_cap_months=12, shortest_days=90)
        held = validity(rule, date(2026, 11, 20), recurring=MonthDay(12, 31))
        assert held.valid_through == date(2027, 11, 20)

    def test_training_again_before_the_window_does_not_skip_a_year(self) -> None:
        rule = Recurrence(Anchor.HIRE_ANNIVERSARY, 12, window_days=30, shortest_days=90)
        held = validity(rule, date(2026, 3, 1), recurring=MonthDay(12, 31))
        again = validity(rule, date(2026, 10, 20), recurring=MonthDay(12, 31), previous=held)
        assert held.valid_through == again.valid_through == date(2026, 12, 31)

    def test_before_the_window_a_fixed_date_gains_nothing(self) -> None:
        rule = Recurrence(Anchor.FIXED_DATE, 12, window_days=30)
        march = MonthDay(3, 31)
        held = validity(rule, date(2027, 11, 20), recurring=march)
        again = validity(rule, date(2028, 1, 10), recurring=march, previous=held)
        assert again.valid_through == held.valid_through

    def test_fixed_date_on_29_february(self) -> None:
        rule = Recurrence(Anchor.FIXED_DATE, 12, window_days=30)
        leap_day = MonthDay(2, 29)
        held = validity(rule, date(2026, 6, 1), recurring=leap_day)
        assert held.valid_through == date(2027, 2, 28)
        renewed = validity(rule, date(2027, 2, 28), recurring=leap_day, previous=held)
        assert renewed.valid_through == date(2028, 2, 29)

    def test_two_years_from_a_hire_on_the_31st(self) -> None:
        rule = Recurrence(Anchor.HIRE_ANNIVERSARY, 24)
        hired = MonthDay.of(date(2020, 8, 31))
        assert validity(rule, date(2027, 9, 1), recurring=hired).valid_through == date(2029, 8, 31)

    def test_an_annual_anchor_needs_its_day(self) -> None:
        with pytest.raises(ValueError, match="hire_anniversary"):
            validity(Recurrence(Anchor.HIRE_ANNIVERSARY, 12), date(2027, 9, 1))

    def test_printed_expiry_is_stored_not_computed(self) -> None:
        rule = Recurrence(Anchor.PRINTED_EXPIRY, None)
        held = validity(rule, date(2027, 11, 20), printed_expiry=date(2029, 11, 30))
        assert held == Validity(date(2029, 11, 30), Schedule(date(2029, 11, 30), 0))
        with pytest.raises(ValueError, match=r"^a printed expiry is needed$"):
            validity(rule, date(2027, 11, 20))
