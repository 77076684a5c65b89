"""Detects polyglot files: for example, a picture that is also an archive, a web page or a script.

Such a file passes the checks for one format and can be opened in another, which was not checked.
"""

import re
from typing import Final

TAIL_BYTES: Final = 22 + 65_535
"""A ZIP archive's end record and comment are within so many bytes of the end of the file."""

_PDF: Final = b"%PDF-"
_PDF_END: Final = b"%%EOF"
_PDF_WINDOW: Final = 1_024
"""PDF readers accept a header anywhere within so many bytes of the beginning."""

_MARKUP: Final = re.compile(
    rb"<(!doctype|html|head|body|script|iframe|object|embed|svg|\?php)[\s>/]", re.IGNORECASE
)
_ZIP_END: Final = re.compile(rb"PK\x05\x06")
_JPEG_IN_COMMENT: Final = re.compile(rb"\xff\xd8\xff[\xe0-\xef]/\*")
"""A JPEG that is also JavaScript: the length of its first segment is written as `/*`.

For JavaScript that begins a comment, so it skips the picture.
"""


def is_polyglot(head: bytes, tail: bytes) -> bool:
    """Judge by the first bytes of a file and its last `TAIL_BYTES`."""
    return (
        _MARKUP.search(head) is not None
        or _JPEG_IN_COMMENT.match(head) is not None
        or _PDF in head[1:_PDF_WINDOW]
        or (head.startswith(_PDF) and _goes_on(tail))
        or any(_ends_an_archive(tail, found.start()) for found in _ZIP_END.finditer(tail))
    )


def _goes_on(tail: bytes) -> bool:
    """Tell whether anything but white space follows the end of a PDF."""
    _, end, rest = tail.rpartition(_PDF_END)
    return bool(end) and bool(rest.strip(b"\x00\t\n\x0c\r "))


def _ends_an_archive(tail: bytes, start: int) -> bool:
    """Tell whether a complete end record begins here.

    It need not be the last thing in the file, because unpacking programs ignore what follows it.
    """
    comment = int.from_bytes(tail[start + 20 : start + 22], "little")
    return len(tail) - start >= 22 + comment  # the length of the record itself
