from datetime import date
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.people.merge import Posting, Spell, Workplace, before, postings
from app.domain.recurrence import add_days

NORTH = Workplace(UUID(int=1), "Hygiene", "Hygienist")
SOUTH = Workplace(UUID(int=2), "Hygiene", "Hygienist")
UNKNOWN = Workplace(None, None, None)
JANUARY, MARCH, JUNE = date(2026, 1, 1), date(2026, 3, 1), date(2026, 6, 1)
DAYS = [add_days(JANUARY, number) for number in range(12)]

places = st.sampled_from([NORTH, SOUTH, UNKNOWN, None])
spells = st.dictionaries(st.sampled_from(DAYS), places, min_size=1).map(
    lambda found: [Spell(day, found[day]) for day in sorted(found)]
)


def test_the_same_place_is_no_second_one() -> None:
    assert postings([Spell(JANUARY, NORTH)], [Spell(MARCH, NORTH)]) == []
    partly = Workplace(NORTH.location_id, None, None)
    assert postings([Spell(JANUARY, NORTH)], [Spell(MARCH, partly)]) == []


def test_an_unknown_place_is_none() -> None:
    assert postings([Spell(JANUARY, NORTH)], [Spell(MARCH, UNKNOWN)]) == []


def test_another_place_goes_on() -> None:
    assert postings([Spell(JANUARY, NORTH)], [Spell(MARCH, SOUTH)]) == [Posting(SOUTH, MARCH, None)]


def test_what_ended_has_ended() -> None:
    other = [Spell(MARCH, SOUTH), Spell(JUNE, None)]
    found = postings([Spell(JANUARY, NORTH)], other)
    assert found == [Posting(SOUTH, MARCH, date(2026, 5, 31))]


def test_before_the_own_first_day_it_is_the_employment_itself() -> None:
    own, other = [Spell(MARCH, NORTH)], [Spell(JANUARY, SOUTH), Spell(JUNE, None)]
    assert before(own, other) == 1
    assert postings(own, other) == [Posting(SOUTH, MARCH, date(2026, 5, 31))]


@given(spells, spells)
def test_no_day_of_work_at_a_known_place_is_lost(own: list[Spell], other: list[Spell]) -> None:
    found = postings(own, other)
    for day in DAYS:
        place = _on(other, day)
        if place is None or place.location_id is None or day < own[0].starts_on:
            continue
        primary = _on(own, day)
        posted = [each.place for each in found if _covers(each, day)]
        assert place in posted or (primary is not None and place.is_within(primary))


@given(spells, spells)
def test_no_day_of_work_is_invented(own: list[Spell], other: list[Spell]) -> None:
    for day in DAYS:
        posted = [each.place for each in postings(own, other) if _covers(each, day)]
        assert posted in ([], [_on(other, day)])


def _on(spells: list[Spell], day: date) -> Workplace | None:
    begun = [spell for spell in spells if spell.starts_on <= day]
    return begun[-1].place if begun else None


def _covers(posting: Posting, day: date) -> bool:
    return posting.starts_on <= day and (posting.ends_on is None or day <= posting.ends_on)
