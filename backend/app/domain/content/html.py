"""The HTML that authors may use in section bodies."""

import re
from collections.abc import Mapping
from functools import cache
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Final

from app.domain.content.html_limits import TooComplexError, refuse_costly
from app.domain.content.media.picture import MAX_ALT, picture_source
from app.domain.content.section_settings import is_safe_url

if TYPE_CHECKING:
    import nh3

# Only tags for structure and emphasis. Styles, classes, ids, event handlers and embedded content
# other than images are removed.
ALLOWED_ATTRIBUTES: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("h1", "h2", "h3", "h4", "h5", "h6", "p", "br", "hr"), frozenset()),
    **dict.fromkeys(("ul", "li", "dl", "dt", "dd"), frozenset()),
    "ol": frozenset({"start"}),
    **dict.fromkeys(("table", "caption", "thead", "tbody", "tfoot", "tr"), frozenset()),
    "th": frozenset({"colspan", "rowspan"}),
    "td": frozenset({"colspan", "rowspan"}),
    **dict.fromkeys(("strong", "b", "em", "i", "u", "s", "sub", "sup"), frozenset()),
    **dict.fromkeys(("blockquote", "code", "pre", "figure", "figcaption"), frozenset()),
    "img": frozenset({"src", "alt", "width", "height"}),
    "a": frozenset({"href", "title"}),
}
# These are removed with their content, which is code or non-HTML markup and not text to be read.
DROPPED_WITH_CONTENT: Final = frozenset(
    {"iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style", "svg"}
    | {"template", "textarea", "title", "xmp"}
)
_CONTACT = re.compile(r"(?:mailto|tel):[^\s<>\"\x00-\x20\x7f]+", re.IGNORECASE)
_LONE_SURROGATES = re.compile("[\ud800-\udfff]")
_INLINE: Final = frozenset({"a", "b", "code", "em", "i", "s", "strong", "sub", "sup", "u"})
_MAX_PASSES: Final = 5
# No parsed HTML contains it.
_KEPT_SPACE: Final = "\0"
_RAISED: Final = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")  # noqa: RUF001  # a minus sign is meant
_LOWERED: Final = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")  # noqa: RUF001  # a minus sign is meant
# HTML parsers copy a formatting element that is left open, with its attributes, into each later
# block. Short attributes keep the copies small.
_LONGEST: Final = {"alt": MAX_ALT, "lang": 35, "title": 500}


def _keep_safe(tag: str, attribute: str, value: str) -> str | None:
    if (tag, attribute) == ("img", "src"):
        return value if is_safe_url(value) else picture_source(value)
    if (tag, attribute) == ("a", "href"):
        return value if is_safe_url(value) or _CONTACT.fullmatch(value) else None
    return value if len(value) <= _LONGEST.get(attribute, len(value)) else None


@cache
def _cleaner() -> "nh3.Cleaner":
    import nh3  # noqa: PLC0415  # workers need none of it

    return nh3.Cleaner(
        tags=set(ALLOWED_ATTRIBUTES),
        attributes={
            "*": {"lang"},  # screen readers switch their voice by it
            **{tag: set(names) for tag, names in ALLOWED_ATTRIBUTES.items() if names},
        },
        clean_content_tags=set(DROPPED_WITH_CONTENT),
        attribute_filter=_keep_safe,
        url_schemes={"https", "mailto", "media", "tel"},
        link_rel="noopener noreferrer",
    )


def sanitise(html: str) -> str:
    """Return the allowed part of an HTML fragment. Idempotent, so that hashes of bodies are stable.

    One pass is not always enough, because serialised HTML may parse into something else (a leading
    line feed in `pre`, misnested tags). HTML that changes with every pass is kept as plain text.

    Raises TooComplexError. What passes takes up to a second: call it in a thread.
    """
    dirty = _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", html)
    for _ in range(_MAX_PASSES):
        clean = _clean(dirty)
        if clean == dirty:
            return clean
        dirty = clean
    return escape(plain_text(dirty), quote=False)


def _clean(html: str) -> str:
    refuse_costly(html)
    return _cleaner().clean(html)


def plain_text(html: str) -> str:
    """Return what a reader reads: blocks on lines of their own, entities decoded.

    Raises TooComplexError.
    """
    reader = _TextReader()
    reader.feed(_clean(_LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", html)))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.parts).split("\n"))
    return "\n".join(line.replace(_KEPT_SPACE, " ").rstrip() for line in lines if line)


class _TextReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._preformatted = 0
        self._shifts: list[str] = []

    def handle_data(self, data: str) -> None:
        # Outside of `pre`, a line feed in the source is a space to the reader.
        kept = data.expandtabs().replace(" ", _KEPT_SPACE)
        text = kept if self._preformatted else data.replace("\n", " ")
        self.parts.append(_shifted(text, self._shifts[-1]) if self._shifts else text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002  # the base class passes them
        self._preformatted += tag == "pre"
        if tag in {"sub", "sup"}:
            self._shifts.append(tag)
        self._break_unless_inline(tag)

    def handle_endtag(self, tag: str) -> None:
        self._preformatted -= tag == "pre"
        if tag in self._shifts[-1:]:
            self._shifts.pop()
        self._break_unless_inline(tag)

    def _break_unless_inline(self, tag: str) -> None:
        if tag not in _INLINE:
            self.parts.append("\n")


def _shifted(text: str, tag: str) -> str:
    """Write a raised or lowered text in the characters made for it, or else in brackets."""
    table, sign = (_RAISED, "^") if tag == "sup" else (_LOWERED, "_")
    return text.translate(table) if all(ord(each) in table for each in text) else f"{sign}({text})"


def has_content(body: str) -> bool:
    """Whether anything can be read or seen once the body is sanitised."""
    try:
        clean = sanitise(body)
    except TooComplexError:
        return True
    return bool(plain_text(clean)) or "<img " in clean
