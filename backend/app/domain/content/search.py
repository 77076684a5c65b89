"""What somebody who types into the search box of the catalogue may mean."""

from collections.abc import Collection
from typing import Final

MAX_CORRECTED: Final = 5
"""Words of a query that are compared with the catalogue's. Comparing takes time for each word."""

MAX_VOCABULARY: Final = 5_000
"""Words of the catalogue that are compared, so that a query takes a few milliseconds."""

DICTIONARIES: Final = {
    "da": "danish",
    "de": "german",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "nb": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
"""How PostgreSQL calls what knows the forms of a language's words, besides English."""

SHORTEST: Final = 3
LONGEST: Final = 30
"""The lengths of words that are compared."""

_ALIKE: Final = 70
_SHORTEST_MISSPELT: Final = 4


def plain_words(query: str) -> list[str]:
    """Return the words to find; none if the query has operators (`-word`, `"..."`, `or`)."""
    words = query.split()
    if '"' in query or any(word.startswith("-") or word.lower() == "or" for word in words):
        return []
    return words


def corrected(query: str, vocabulary: Collection[str]) -> str | None:
    """Return the query with its misspelt words as the catalogue spells them; None if none is alike.

    A part of a word of the vocabulary is not misspelt.
    """
    words = [word.lower() for word in plain_words(query)]
    meant = [_meant(word, vocabulary) for word in words[:MAX_CORRECTED]]
    repaired = " ".join([*meant, *words[MAX_CORRECTED:]])
    return repaired if repaired != " ".join(words) else None


def _meant(word: str, vocabulary: Collection[str]) -> str:
    is_known = any(word in known for known in vocabulary)
    if is_known or not _SHORTEST_MISSPELT <= len(word) <= LONGEST:
        return word
    from rapidfuzz import fuzz, process  # noqa: PLC0415  # workers need none of it

    alike = process.extractOne(word, vocabulary, scorer=fuzz.ratio, score_cutoff=_ALIKE)
    return alike[0] if alike else word
