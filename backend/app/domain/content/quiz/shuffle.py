"""Orders that depend on nothing but ids and a seed.

Defined here in full, so that a stored seed gives the same order on any Python, for ever: items are
sorted by SHA-256 of the salts and the item's id.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar
from uuid import UUID


class HasId(Protocol):
    @property
    def id(self) -> str | UUID: ...


T = TypeVar("T", bound=HasId)


def shuffled(items: Iterable[T], *salts: object) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: _rank(*salts, item.id)))


def shuffled_away(items: Iterable[T], given_away: Sequence[str], *salts: object) -> tuple[T, ...]:
    """Shuffle, but avoid an order that begins with `given_away`, which is the right answer.

    Such an order is rotated by one. As `given_away` repeats no id, its first item then differs.
    """
    order = shuffled(items, *salts)
    if tuple(item.id for item in order[: len(given_away)]) == tuple(given_away):
        return order[1:] + order[:1]
    return order


def _rank(*parts: object) -> bytes:
    # Neither ids nor seeds contain a line feed, so no two lists of parts are joined alike.
    return hashlib.sha256("\n".join(map(str, parts)).encode()).digest()
