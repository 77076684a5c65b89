"""Compares words that people type in different ways."""

import unicodedata
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Final

from pydantic import AfterValidator

from app.domain.fields import SHAPELESS, Line, normalise_text, refuse

MAX_LENGTH: Final = 200
NEAR_WORDS: Final = 3
_DOTLESS_I: Final = "\N{LATIN SMALL LETTER DOTLESS I}"
_COMPARED: Final = 60
"""Characters of a word that are looked at for likeness, which takes quadratic time."""


def comparable(word: str) -> str:
    """Return what all spellings of one word have in common.

    Neither case, spaces, dashes nor the Unicode form count. The four letters i of Turkish are one,
    because which of them are a pair depends on the language, and nobody says theirs.
    """
    folded = normalise_text(SHAPELESS.sub("", word))
    return folded.replace("i\N{COMBINING DOT ABOVE}", "i").replace(_DOTLESS_I, "i")


def near(word: str, listed: Iterable[str]) -> tuple[str, ...]:
    """Return the few listed words that somebody may have meant, the likeliest first."""
    spellings = {comparable(each)[:_COMPARED]: each for each in listed}
    asked = comparable(word)[:_COMPARED]
    return tuple(spellings[each] for each in get_close_matches(asked, spellings, NEAR_WORDS))


def _tidy(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _is_a_word(text: str) -> str:
    if any(unicodedata.category(char) == "Cc" for char in text):
        refuse("unstorable_text", "The text contains forbidden characters.")
    folded = comparable(text)
    if not folded:
        refuse("blank_text", "The text is blank.")
    if len(folded) > MAX_LENGTH or len(text) > MAX_LENGTH:
        refuse("string_too_long", "The text is too long, written out.")
    return text


Word = Annotated[Line, AfterValidator(_tidy), AfterValidator(_is_a_word)]
"""A word of a list, on one line and in one Unicode form."""
