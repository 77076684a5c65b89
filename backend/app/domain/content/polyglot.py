"""Files that are a second thing as well: a picture that is also an archive, a page or a script.

Whoever opens such a file as that other thing runs what nobody has looked at.
"""

import re
from typing import Final

TAIL_BYTES: Final = 22 + 65_535
"""Where the end record of a ZIP archive, with its comment, has to be."""

_PDF: Final = b"%PDF-"
_PDF_END: Final = b"%%EOF"
_PDF_WINDOW: Final = 1_024
"""Readers look for the header of a PDF in so many bytes."""

_MARKUP: Final = re.compile(
    rb"<(!doctype|html|head|body|script|iframe|object|embed|svg|\?php)[\s>/]", re.IGNORECASE
)
_ZIP_END: Final = re.compile(rb"PK\x05\x06")
_JPEG_IN_COMMENT: Final = re.compile(rb"\xff\xd8\xff[\xe0-\xef]/\*")
"""The length of the first segment opens a comment of JavaScript."""


def is_polyglot(head: bytes, tail: bytes) -> bool:
    """Say so from the first bytes of a file and its last `TAIL_BYTES`."""
    return (
        _MARKUP.search(head) is not None
        or _JPEG_IN_COMMENT.match(head) is not None
        or _PDF in head[1:_PDF_WINDOW]
        or (head.startswith(_PDF) and _goes_on(tail))
        or any(_ends_an_archive(tail, found.start()) for found in _ZIP_END.finditer(tail))
    )


def _goes_on(tail: bytes) -> bool:
    """Say whether anything but white space follows the end of a PDF."""
    _, end, rest = tail.rpartition(_PDF_END)
    return bool(end) and bool(rest.strip(b"\x00\t\n\x0c\r "))


def _ends_an_archive(tail: bytes, start: int) -> bool:
    """Say whether a whole end record stands there: archivers do not mind what comes after it."""
    comment = int.from_bytes(tail[start + 20 : start + 22], "little")
    return len(tail) - start >= 22 + comment  # the length of the record itself
