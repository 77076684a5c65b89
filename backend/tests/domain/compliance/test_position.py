"""People who work at several places."""

from dataclasses import replace
from datetime import date
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.compliance import EmploymentChange, EmploymentState
from app.domain.compliance.audience import Audience, PersonFacts, Post, matches
from app.domain.compliance.facts import Position, employment_on
from app.domain.compliance.hindsight import with_positions
from app.domain.recurrence import add_days

PERSON, HERE, THERE = UUID(int=1), UUID(int=2), UUID(int=3)
DAY = date(2026, 1, 1)
ACTIVE, GONE = EmploymentState.ACTIVE, EmploymentState.TERMINATED


def change(day: int, state: EmploymentState = ACTIVE) -> EmploymentChange:
    on = add_days(DAY, day)
    return EmploymentChange(on, on, state, PersonFacts(PERSON, location_id=HERE))


def position(starts: int, ends: int | None = None, recorded: int = 0) -> Position:
    last = None if ends is None else add_days(DAY, ends)
    return Position(uuid4(), add_days(DAY, recorded), add_days(DAY, starts), last, Post(THERE))


def works_there(
    changes: list[EmploymentChange], positions: list[Position], day: int, known: int = 999
) -> bool:
    found = with_positions(changes, positions, add_days(DAY, known))
    held = employment_on(found, add_days(DAY, day))
    return bool(held and any(post.location_id == THERE for post in held.person.elsewhere))


def test_is_bound_by_the_rules_of_both_places() -> None:
    person = PersonFacts(PERSON, "Front Desk", HERE, elsewhere=(Post(THERE, "Hygiene"),))
    assert matches(Audience(location_ids={HERE}), person)
    assert matches(Audience(location_ids={THERE}), person)
    assert matches(Audience(departments={"hygiene"}, location_ids={THERE}), person)


def test_has_to_meet_all_criteria_at_one_place() -> None:
    person = PersonFacts(PERSON, "Front Desk", HERE, elsewhere=(Post(THERE, "Hygiene"),))
    assert not matches(Audience(departments={"Hygiene"}, location_ids={HERE}), person)
    assert not matches(Audience(location_ids={THERE}, exclude={PERSON}), person)


@pytest.mark.parametrize(("day", "there"), [(9, False), (10, True), (20, True), (21, False)])
def test_lasts_from_its_first_day_through_its_last(day: int, *, there: bool) -> None:
    assert works_there([change(0)], [position(10, 20)], day) is there


def test_ends_with_the_employment() -> None:
    """Whoever is hired again does not work where they did before, until somebody says so."""
    changes = [change(0), change(30, GONE), change(60)]
    assert works_there(changes, [position(10)], 29)
    assert not works_there(changes, [position(10)], 60)
    assert works_there(changes, [position(60)], 60)


def test_counts_from_its_own_day_when_entered_late() -> None:
    late = [position(10, recorded=40)]
    assert works_there([change(0)], late, 15, known=40)
    assert not works_there([change(0)], late, 15, known=39)


def test_the_last_word_on_a_position_holds() -> None:
    first = position(10)
    ended = replace(first, recorded_on=add_days(DAY, 50), ends_on=add_days(DAY, 30))
    mistaken = replace(first, recorded_on=add_days(DAY, 60), withdrawn=True)
    said = [first, ended, mistaken]
    assert works_there([change(0)], said, 31, known=49)
    assert not works_there([change(0)], said, 31, known=50)
    assert works_there([change(0)], said, 30, known=50)
    assert not works_there([change(0)], said, 30, known=60)


days = st.integers(0, 40)


@given(
    st.lists(st.tuples(days, st.sampled_from([ACTIVE, EmploymentState.LEAVE])), max_size=4),
    st.lists(st.tuples(days, st.none() | days), max_size=4),
    days,
)
def test_nothing_else_of_the_employment_changes(
    turns: list[tuple[int, EmploymentState]], spans: list[tuple[int, int | None]], day: int
) -> None:
    """On every day, whatever is known by then: state and primary place are those of before."""
    changes = [change(0), *(change(*turn) for turn in turns)]
    positions = [position(first, last) for first, last in spans if last is None or first <= last]
    found = with_positions(changes, positions, date.max)
    for known in range(42):
        asked = add_days(DAY, day), add_days(DAY, known)
        before, after = employment_on(changes, *asked), employment_on(found, *asked)
        if before is None or after is None:
            assert before is after
            continue
        assert (before.state, before.person.location_id) == (after.state, after.person.location_id)
    there = any(first <= day <= (day if last is None else last) for first, last in spans)
    assert works_there(changes, positions, day) is there
