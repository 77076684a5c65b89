"""Under which name a person signs and appears in evidence.

What somebody else entered counts at once, and so does the name somebody comes with. A person's own
change of name counts once somebody else has confirmed it; until then the name of before does.
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from app.domain.fields import normalise_text

_LETTERS: Final = str.maketrans(
    {
        "\N{LATIN SMALL LETTER AE}": "ae",
        "\N{LATIN SMALL LIGATURE OE}": "oe",
        "\N{LATIN SMALL LETTER O WITH STROKE}": "o",
        "\N{LATIN SMALL LETTER L WITH STROKE}": "l",
        "\N{LATIN SMALL LETTER D WITH STROKE}": "d",
        "\N{LATIN SMALL LETTER ETH}": "d",
        "\N{LATIN SMALL LETTER THORN}": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
)
"""Letters that are written without their mark elsewhere, and that Unicode does not decompose."""

_LETTER_NUMBER_MARK: Final = frozenset("LNM")
"""What the general categories of a name's characters begin with."""

_MARKS: Final = range(0x0300, 0x0370)
"""Accents of European scripts. Marks of other scripts are vowels and belong to the name."""


@dataclass(frozen=True, slots=True)
class Naming:
    full_name: str | None
    confirmed: bool = True
    previous: str | None = None
    """The name that counts while `full_name` is not confirmed."""

    @property
    def directory_name(self) -> str | None:
        return self.full_name if self.confirmed else self.previous


def comparable_name(name: str) -> str:
    """Return what two spellings of a name share: no case, accents, spaces or punctuation."""
    folded = unicodedata.normalize("NFKD", normalise_text(name)).translate(_LETTERS)
    return "".join(char for char in folded if _is_of_a_name(char))


def _is_of_a_name(char: str) -> bool:
    return unicodedata.category(char)[0] in _LETTER_NUMBER_MARK and ord(char) not in _MARKS


def is_named(printed: str, names: Collection[str]) -> bool:
    """Say whether a printed name is one of `names`, however it is spelled."""
    printed_name = comparable_name(printed)
    return bool(printed_name) and printed_name in map(comparable_name, names)


def named_by_oneself(before: Naming, name: str | None, names_of_others: Collection[str]) -> Naming:
    """Return what becomes of a name that its owner gives or changes.

    Somebody who has none yet may give one, unless it is a colleague's: namesakes are confirmed.
    """
    known = before.directory_name
    if known is None:
        return Naming(name, confirmed=name is None or not is_named(name, names_of_others))
    if name is not None and is_named(name, [known]):
        return Naming(name)
    return Naming(name, confirmed=False, previous=known)
