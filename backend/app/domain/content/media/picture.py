"""Pictures in bodies, questions and options: uploaded files, each with words for who cannot see it.

A body names one as `<img src="media:{id}" alt="...">`. Addresses are signed when somebody asks for
them, so that content stays the same bytes for everybody.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from app.core.errors import FieldError
from app.domain.fields import OneLine, Value, is_visible

MAX_ALT: Final = 500
MAX_PICTURES: Final = 100
"""How many a body may show."""

SCHEME: Final = "media:"
"""Alone it is what remains of a source that names no file."""

# The patterns are exact for sanitised HTML, where each attribute is `name="value"` and quotes in
# values are escaped. PostgreSQL reads the second one too.
_IMAGE: Final = re.compile(r'<img((?: [a-z]+="[^"]*")*)>')
FILE_IN_BODY: Final = rf'<img(?: [a-z]+="[^"]*")*? src="{SCHEME}([0-9a-f-]{{36}})"'
_ATTRIBUTE: Final = re.compile(r' ([a-z]+)="([^"]*)"')
_FILE: Final = re.compile(rf"{SCHEME}[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}")

AltText = Annotated[OneLine, Field(min_length=1, max_length=MAX_ALT)]


class Picture(Value):
    """`alt` says what can be seen, for people who do not see it."""

    media_id: UUID
    alt: AltText


def picture_source(value: str) -> str | None:
    """Return the source of a picture as it is kept; None for a source of another scheme."""
    source = value.strip().lower()
    if not source.startswith(SCHEME):
        return None
    return source if _FILE.fullmatch(source) else SCHEME


def pictures_in(body: str) -> Iterator[tuple[int, UUID]]:
    """Yield the files that a sanitised body shows, each with the number of its element from 1."""
    for number, attributes in _images(body):
        source = attributes.get("src", "")
        if _FILE.fullmatch(source):
            yield number, UUID(source.removeprefix(SCHEME))


def picture_faults(pointer: str, body: str) -> Iterator[FieldError]:
    """Find what is missing of the pictures of a sanitised body."""
    images = [(number, image) for number, image in _images(body) if "src" in image]
    for number, attributes in images:
        if attributes["src"] == SCHEME:
            detail = f"Picture {number} names no file: its source is media: and the file's id."
            yield FieldError(pointer, "picture_without_file", detail)
        if not is_visible(unescape(attributes.get("alt", ""))):
            detail = f"Picture {number} lacks an alt text of 1 to {MAX_ALT} characters."
            yield FieldError(pointer, "picture_without_alt", detail)
    if len(images) > MAX_PICTURES:
        detail = f"A body shows {MAX_PICTURES} pictures at most."
        yield FieldError(pointer, "too_many_pictures", detail)


def _images(body: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, image in enumerate(_IMAGE.finditer(body), start=1):
        yield number, dict(_ATTRIBUTE.findall(image[1]))
