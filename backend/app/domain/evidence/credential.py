"""The cards and licences of a person, put together from what was entered and verified."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


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


@dataclass(frozen=True, slots=True)
class Held:
    status: CredentialStatus
    renews: uuid.UUID | None
    """The verified card of the same kind that this one follows."""


def held(cards: Iterable[Card], today: date) -> dict[uuid.UUID, Held]:
    """Return the status of each card. Each verified card renews the one of its kind before it."""
    found: dict[uuid.UUID, Held] = {}
    chains: dict[str, list[Card]] = {}
    for card in cards:
        if card.settled is None:
            chains.setdefault(card.kind, []).append(card)
        else:
            found[card.id] = Held(card.settled, None)
    for chain in chains.values():
        found.update(_chained(sorted(chain, key=_by_expiry), today))
    return found


def _chained(chain: list[Card], today: date) -> Iterator[tuple[uuid.UUID, Held]]:
    before: uuid.UUID | None = None
    for card in chain:
        yield card.id, Held(_status(card, chain[-1], today), before)
        before = card.id


def _status(card: Card, last: Card, today: date) -> CredentialStatus:
    if card is not last:
        return CredentialStatus.SUPERSEDED
    expired = card.printed_expiry is not None and card.printed_expiry < today
    return CredentialStatus.EXPIRED if expired else CredentialStatus.CURRENT


def _by_expiry(card: Card) -> tuple[date, date, uuid.UUID]:
    return card.printed_expiry or date.max, card.issued_on, card.id
