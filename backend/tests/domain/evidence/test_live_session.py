"""What closing a class does for those who attended."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.live_session import Attendee, class_result

CLASS, READING = uuid.UUID(int=1), uuid.UUID(int=2)
attendees = st.lists(
    st.builds(Attendee, st.uuids(), st.booleans(), st.booleans()),
    unique_by=lambda each: each.user_id,
)
sections = st.lists(st.sampled_from([CLASS, READING]), unique=True)


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
    staying = [each.user_id for each in people if each.active and not each.enrolled]
    assert result.credited == (staying if required == [CLASS] else [])
