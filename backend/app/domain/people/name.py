"""The name under which a person signs and appears in evidence.

A name that somebody else enters counts at once, and so does the name that a new person gives. When
people change their own name, the old one counts until somebody else has confirmed the new one.
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
"""Letters that are often written without their mark, and that Unicode does not decompose."""

_LETTER_NUMBER_MARK: Final = frozenset("LNM")
"""The Unicode categories of the characters that make up a name begin with these letters."""

_MARKS: Final = range(0x0300, 0x0370)
"""The accents of European scripts, which do not count. Other scripts write vowels as marks."""


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
    """Return a name without case, accents, spaces and punctuation, to compare two spellings."""
    folded = unicodedata.normalize("NFKD", normalise_text(name)).translate(_LETTERS)
    return "".join(char for char in folded if _is_of_a_name(char))


def _is_of_a_name(char: str) -> bool:
    return unicodedata.category(char)[0] in _LETTER_NUMBER_MARK and ord(char) not in _MARKS


def is_named(printed: str, names: Collection[str]) -> bool:
    """Tell whether a printed name is one of `names` when both are spelled comparably."""
    printed_name = comparable_name(printed)
    return bool(printed_name) and printed_name in map(comparable_name, names)


def named_by_oneself(before: Naming, name: str | None, names_of_others: Collection[str]) -> Naming:
    """Return the naming after people have given or changed their own name.

    Somebody who had no name may give one, which counts at once. If a colleague has the same name,
    somebody else has to confirm it, because it could be an impersonation.
    """
    known = before.directory_name
    if known is None:
        return Naming(name, confirmed=name is None or not is_named(name, names_of_others))
    if name is not None and is_named(name, [known]):
        return Naming(name)
    return Naming(name, confirmed=False, previous=known)
