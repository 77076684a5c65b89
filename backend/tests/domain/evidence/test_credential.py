"""The status of each card: a verified one renews the one of its kind before it."""

from datetime import date, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.credential import Card, CredentialStatus, held

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
    settled=st.none()
    | st.sampled_from(
        [CredentialStatus.PENDING, CredentialStatus.REJECTED, CredentialStatus.WITHDRAWN]
    ),
)


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


@given(st.lists(cards, max_size=8, unique_by=lambda card: card.id), days)
def test_one_card_of_a_kind_stands(entered: list[Card], today: date) -> None:
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
