from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.outreach.job import JobName
from app.domain.outreach.schedule import SCHEDULES, Daily, Every, When

PACIFIC = ZoneInfo("America/Los_Angeles")
ZONES = ["UTC", "America/Los_Angeles", "Europe/Dublin", "Australia/Lord_Howe", "Asia/Kolkata"]
DAYS = 3
INSTANTS = st.integers(0, 4 * 366 * 24 * 60).map(
    lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def dues(when: When, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    found = [when.next_after(start, zone)]
    while found[-1] < end:
        found.append(when.next_after(found[-1], zone))
    return found


@pytest.mark.parametrize(
    ("at", "day", "due"),
    [
        (time(2, 30), date(2026, 3, 8), "2026-03-08T10:30:00+00:00"),  # skipped: 03:30 there
        (time(1, 30), date(2026, 11, 1), "2026-11-01T08:30:00+00:00"),  # twice: the first
        (time(3, 0), date(2026, 7, 4), "2026-07-04T10:00:00+00:00"),
    ],
)
def test_a_change_of_clocks_neither_skips_nor_doubles(at: time, day: date, due: str) -> None:
    midnight = datetime.combine(day, time(), PACIFIC)
    first = Daily(at).next_after(midnight, PACIFIC)
    assert first.isoformat() == due
    assert Daily(at).next_after(first, PACIFIC) > first + timedelta(hours=22)


@given(
    start=INSTANTS,
    at=st.times(),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_every_local_day_has_one_due_time(start: datetime, at: time, zone: ZoneInfo) -> None:
    found = dues(Daily(at), zone, start, start + timedelta(days=DAYS))
    assert found[0] > start
    apart = [later - earlier for earlier, later in pairwise(found)]
    assert all(timedelta(hours=22) < gap < timedelta(hours=26) for gap in apart)


@given(
    start=INSTANTS,
    minutes=st.integers(1, 1440),
)
def test_intervals_are_even(start: datetime, minutes: int) -> None:
    due = Every(minutes).next_after(start, PACIFIC)
    assert timedelta(0) < due - start <= timedelta(minutes=minutes)
    assert Every(minutes).next_after(due, PACIFIC) - due == timedelta(minutes=minutes)


def test_what_is_not_scheduled_is_enqueued_by_its_change() -> None:
    assert set(JobName) - set(SCHEDULES) == {JobName.RULES_APPLY}
