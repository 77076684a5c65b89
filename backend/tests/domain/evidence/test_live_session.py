"""When a class may have been held, and what closing it does for those who attended."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.live_session import (
    LEAST_SECONDS,
    Attendee,
    class_result,
    is_before_publication,
    is_too_long_ago,
)

NOW = datetime(2027, 6, 15, 9, 30, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)
CLASS, READING = uuid.UUID(int=1), uuid.UUID(int=2)
attendees = st.lists(
    st.builds(Attendee, st.uuids(), st.booleans(), st.booleans(), st.sampled_from([0, 59, 60])),
    unique_by=lambda each: each.user_id,
)
sections = st.lists(st.sampled_from([CLASS, READING]), unique=True)


@pytest.mark.parametrize(
    ("ago", "too_long"),
    [
        (timedelta(0), False),
        (timedelta(days=14), False),
        (timedelta(days=14) + INSTANT, True),
        (timedelta(days=365), True),
    ],
)
def test_a_class_is_entered_within_two_weeks(ago: timedelta, *, too_long: bool) -> None:
    """Older classes are entered as external evidence, which a second person verifies."""
    assert is_too_long_ago(NOW - ago, NOW) is too_long


@pytest.mark.parametrize(
    ("starts_at", "before"),
    [
        (NOW - timedelta(days=1), True),
        (NOW.replace(hour=0, minute=0) - INSTANT, True),
        (NOW.replace(hour=0, minute=0), False),
        (NOW, False),
        (NOW + timedelta(days=1), False),
    ],
)
def test_no_class_was_held_before_its_module_was_published(
    starts_at: datetime, *, before: bool
) -> None:
    assert is_before_publication(starts_at, NOW) is before


@given(attendees, sections)
def test_everybody_who_attended_is_named_once(
    people: list[Attendee], required: list[uuid.UUID]
) -> None:
    result = class_result(CLASS, people, required)
    named = [*result.completed, *result.credited, *result.not_enrolled]
    assert sorted(named) == sorted(each.user_id for each in people)


@given(attendees, sections)
def test_an_enrollment_is_completed_rather_than_credited(
    people: list[Attendee], required: list[uuid.UUID]
) -> None:
    result = class_result(CLASS, people, required)
    assert result.completed == [each.user_id for each in people if each.enrolled]


@given(attendees, sections)
def test_attending_alone_counts_for_a_module_that_is_the_class(
    people: list[Attendee], required: list[uuid.UUID]
) -> None:
    result = class_result(CLASS, people, required)
    staying = [
        each.user_id
        for each in people
        if each.active and not each.enrolled and each.seconds >= LEAST_SECONDS
    ]
    assert result.credited == (staying if required == [CLASS] else [])
