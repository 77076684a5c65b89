"""The cards and licences of a person, put together from what was entered and verified."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from app.domain.recurrence import add_days


class CredentialStatus(StrEnum):
    """`pending`: nobody has verified the card. `superseded`: a later one is verified."""

    PENDING = "pending"
    CURRENT = "current"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Card:
    """One card as it was entered."""

    id: uuid.UUID
    kind: str
    issued_on: date
    printed_expiry: date | None
    settled: CredentialStatus | None = None
    """PENDING, REJECTED or WITHDRAWN; None for a verified card, whose status depends on the day."""

    issuing_state: str | None = None

    def follows(self, other: "Card") -> bool:
        """Tell whether this card could renew the other: the same kind, of no other state.

        A card whose state nobody entered could be of any.
        """
        states = {self.issuing_state, other.issuing_state} - {None}
        return self.kind == other.kind and len(states) <= 1


@dataclass(frozen=True, slots=True)
class Held:
    status: CredentialStatus
    renews: uuid.UUID | None
    """The verified card of the same kind, and of no other state, that this one follows."""

    cycle_starts_on: date | None = None
    """The day after the expiry of that card: the first of the licence cycle of this one."""


def held(cards: Iterable[Card], today: date) -> dict[uuid.UUID, Held]:
    """Return the status of each card. Each verified card renews the one of its kind before it."""
    cards = list(cards)
    found = {card.id: Held(card.settled, None) for card in cards if card.settled is not None}
    verified = sorted((card for card in cards if card.settled is None), key=_by_expiry)
    for number, card in enumerate(verified):
        before = [other for other in verified[:number] if card.follows(other)]
        is_last = not any(other.follows(card) for other in verified[number + 1 :])
        found[card.id] = _standing(card, before[-1] if before else None, today, is_last=is_last)
    return found


def standing(cards: Iterable[Card], today: date) -> list[tuple[Card, Held]]:
    """Return the verified cards that no later one has renewed, with where they stand."""
    cards = list(cards)
    places = held(cards, today)
    stands = {CredentialStatus.CURRENT, CredentialStatus.EXPIRED}
    return [(card, places[card.id]) for card in cards if places[card.id].status in stands]


def _standing(card: Card, before: Card | None, today: date, *, is_last: bool) -> Held:
    status = CredentialStatus.CURRENT
    if not is_last:
        status = CredentialStatus.SUPERSEDED
    elif card.printed_expiry is not None and card.printed_expiry < today:
        status = CredentialStatus.EXPIRED
    if before is None or before.printed_expiry is None:
        return Held(status, before.id if before else None)
    return Held(status, before.id, add_days(before.printed_expiry, 1))


def _by_expiry(card: Card) -> tuple[date, date, uuid.UUID]:
    return card.printed_expiry or date.max, card.issued_on, card.id
