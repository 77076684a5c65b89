"""Limits on the time and memory that parsing an HTML fragment takes, checked before it is parsed.

An HTML parser can take quadratic time and memory. It opens each formatting element that is left
open again in every block after it, compares each start tag with all elements that are open, and
each attribute with those before it. The counts here are upper bounds for all three. Tags in
comments and in attributes are counted too, because only a parser can tell them apart.
"""

import re
from typing import Final

MAX_LENGTH: Final = 1_000_000
MAX_ELEMENTS: Final = 5_000
MAX_ATTRIBUTES: Final = 16
MAX_REOPENED: Final = 30_000
"""Start tags, times the different formatting tags that each of them may open again."""

_START_TAG = re.compile("<[a-zA-Z]")
_FORMATTING = re.compile(
    r"<(?:b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/>])[^<>]*+", re.IGNORECASE
)
# An attribute as the HTML standard takes text apart; possessive, so that no text is read twice.
_ATTRIBUTE = r"""[\s/]*+[^\s/>][^\s/>=]*+(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|(?!["'])[^\s>]*+))?+"""
_CROWDED_TAG = re.compile(rf"<[a-zA-Z][^\s/>]*+(?:{_ATTRIBUTE}){{{MAX_ATTRIBUTES + 1}}}")


class TooComplexError(ValueError):
    """HTML that could take too much time or memory to parse."""

    def __init__(self, most: int, what: str) -> None:
        self.detail = f"The HTML is too complex: it has more than {most} {what}."
        super().__init__(self.detail)


def refuse_costly(html: str) -> None:
    """Raise TooComplexError where parsing could take long, or much memory."""
    if len(html) > MAX_LENGTH:
        raise TooComplexError(MAX_LENGTH, "characters")
    elements = sum(1 for _ in _START_TAG.finditer(html))
    if elements > MAX_ELEMENTS:
        raise TooComplexError(MAX_ELEMENTS, "elements")
    formats = MAX_REOPENED // max(elements, 1)
    if len(set(_FORMATTING.findall(html))) > formats:
        raise TooComplexError(formats, "kinds of formatting tags in so many elements")
    if _CROWDED_TAG.search(html):
        raise TooComplexError(MAX_ATTRIBUTES, "attributes in one element")
