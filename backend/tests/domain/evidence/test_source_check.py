"""What a check of a card at its source may say."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.source_check import CheckClaim, faults

TODAY = date(2026, 11, 28)
days = st.dates(date(1890, 1, 1), date(2040, 1, 1))


@given(days, st.none() | days)
def test_checks_lie_in_the_past_and_before_the_next(checked: date, following: date | None) -> None:
    found = {fault.code for fault in faults(CheckClaim(checked, following), TODAY)}
    assert ("in_the_future" in found) == (checked > TODAY)
    assert ("too_early" in found) == (checked < date(1900, 1, 1))
    assert ("before_check" in found) == (following is not None and following <= checked)


def test_today_may_be_the_day_and_tomorrow_the_next() -> None:
    assert not list(faults(CheckClaim(TODAY, TODAY + timedelta(days=1)), TODAY))
