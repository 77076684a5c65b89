"""The status of each card: a verified one renews the one of its kind before it."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.credential import Card, CredentialStatus, Held, held

TODAY = date(2027, 6, 1)
OLD = Card(UUID(int=1), "rdh", date(2023, 3, 1), date(2025, 3, 31))
NEW = Card(UUID(int=2), "rdh", date(2025, 3, 20), date(2027, 6, 1))
OTHER = Card(UUID(int=3), "bls", date(2026, 1, 5), date(2028, 1, 31))
FOREVER = Card(UUID(int=4), "radiography", date(2015, 1, 5), None)
days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
cards = st.builds(
    Card,
    id=st.uuids(),
    kind=st.sampled_from(["rdh", "bls"]),
    issued_on=days,
    printed_expiry=st.none() | days,
    issuing_state=st.sampled_from([None, "US-CA", "US-TX"]),
    settled=st.none()
    | st.sampled_from(
        [CredentialStatus.PENDING, CredentialStatus.REJECTED, CredentialStatus.WITHDRAWN]
    ),
)


def place(card: Card) -> tuple[date, date, UUID]:
    return card.printed_expiry or date.max, card.issued_on, card.id


def test_the_last_day_is_a_day_on_which_it_holds() -> None:
    found = held([OLD, NEW, OTHER, FOREVER], TODAY)
    assert {each.int: found[each].status for each in found} == {
        1: "superseded",
        2: "current",
        3: "current",
        4: "current",
    }
    assert held([OLD, NEW], TODAY + timedelta(days=1))[NEW.id].status == "expired"


def test_a_card_renews_the_one_before_it() -> None:
    found = held([NEW, OTHER, OLD], TODAY)
    assert (found[NEW.id].renews, found[OLD.id].renews, found[OTHER.id].renews) == (
        OLD.id,
        None,
        None,
    )


def test_what_nobody_verified_renews_nothing() -> None:
    pending = Card(UUID(int=5), "rdh", TODAY, date(2029, 5, 31), CredentialStatus.PENDING)
    found = held([OLD, NEW, pending], TODAY)
    assert found[pending.id].status == "pending"
    assert found[NEW.id].status == "current"


def test_licences_of_two_states_stand_beside_each_other() -> None:
    california = replace(NEW, issuing_state="US-CA")
    texas = replace(NEW, id=UUID(int=6), issuing_state="US-TX", printed_expiry=date(2028, 1, 31))
    found = held([california, texas], TODAY)
    assert [found[each.id].status for each in (california, texas)] == ["current", "current"]
    assert found[texas.id].renews is None
    unknown = replace(OLD, issuing_state=None)
    found = held([unknown, california, texas], TODAY)
    assert {found[each.id].renews for each in (california, texas)} == {unknown.id}
    assert found[unknown.id].status == "superseded"


def test_a_cycle_begins_after_the_card_before() -> None:
    found = held([OLD, NEW], TODAY)
    assert found[NEW.id].cycle_starts_on == date(2025, 4, 1)
    assert found[OLD.id].cycle_starts_on is None


@given(st.lists(cards, max_size=8, unique_by=lambda card: card.id), days)
def test_each_verified_card_stands_or_is_renewed(entered: list[Card], today: date) -> None:
    """A card is superseded exactly if another one could renew it and lasts longer."""
    found = held(entered, today)
    for card in entered:
        if card.settled is not None:
            assert found[card.id] == Held(card.settled, None)
            continue
        others = [other for other in entered if other.settled is None and other.follows(card)]
        last = max(others, key=place)
        assert (found[card.id].status is CredentialStatus.SUPERSEDED) == (last != card)


@given(st.lists(cards, max_size=8, unique_by=lambda card: card.id), days)
def test_one_card_of_a_kind_and_state_stands(written: list[Card], today: date) -> None:
    entered = [replace(card, issuing_state=None) for card in written]
    found = held(entered, today)
    assert found.keys() == {card.id for card in entered}
    for kind in ("rdh", "bls"):
        verified = [card for card in entered if card.kind == kind and card.settled is None]
        standing = [
            card
            for card in verified
            if found[card.id].status in {CredentialStatus.CURRENT, CredentialStatus.EXPIRED}
        ]
        assert len(standing) == min(1, len(verified))
        renewed = {found[card.id].renews for card in verified} - {None}
        assert renewed == {card.id for card in verified} - {card.id for card in standing}
