"""Finds what in a PDF runs, contacts a server or hides another file.

The input may be hostile, so this runs only in the process that `__main__` limits.
"""

import re
from collections.abc import Iterator, Sequence
from typing import IO, Final

from pypdf import PdfReader
from pypdf.errors import PdfReadError
from pypdf.generic import (
    ArrayObject,
    ByteStringObject,
    DictionaryObject,
    IndirectObject,
    NullObject,
    PdfObject,
    StreamObject,
    TextStringObject,
)

from app.domain.content.media.file import Rejection

ACTIONS: Final = frozenset(
    {
        "/GoTo3DView",
        "/GoToE",
        "/GoToR",
        "/ImportData",
        "/JavaScript",
        "/Launch",
        "/Movie",
        "/Rendition",
        "/RichMediaExecute",
        "/Sound",
        "/SubmitForm",
    }
)
"""Kinds of action (`/S`) that are refused.

An action may lead to another page of the same file or to a web address, and nothing more.
"""

KEYS: Final = frozenset(
    {"/EF", "/EmbeddedFiles", "/JS", "/JavaScript", "/RichMediaContent", "/XFA"}
)
"""Keys of dictionaries that are refused, whatever their value."""

KINDS: Final = frozenset(
    {"/3D", "/EmbeddedFile", "/FileAttachment", "/Movie", "/RichMedia", "/Screen", "/Sound"}
)
"""Values of `/Type` and `/Subtype` that are refused."""

SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
"""Where a link may lead. An address that names no scheme leads to the web, too."""

# PDF allows any character of a name to be written as an escape: /#4aavaScript is /JavaScript.
_NAME: Final = rb"/((?:[0-9A-Za-z]|#[0-9A-Fa-f]{2})+)"
_ACTION: Final = re.compile(rb"/(?:S|#53)\s*" + _NAME)
_ANY_NAME: Final = re.compile(_NAME)
_TEXT: Final = re.compile(rb"\s*(?:\(((?:[^\\)]|\\.)*)|<([0-9A-Fa-f\s]*)>)", re.DOTALL)
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# PDF readers drop these from an address before they follow it.
_IGNORED: Final = re.compile(r"[\x00-\x20\x7f-\xa0]|\\[nrtbf\n\r]")
_ESCAPE: Final = re.compile(rb"#([0-9A-Fa-f]{2})")


def judge_pdf(file: IO[bytes]) -> Rejection | None:
    """Return why a PDF is rejected, or None. Raises what pypdf raises for a file it cannot read.

    All dictionaries that pypdf can reach are checked. Another PDF reader may find objects where
    pypdf does not look. Therefore the raw bytes of the file and of its object streams are also
    searched for actions, and a file with an object stream that pypdf does not know is rejected.
    """
    content = file.read()
    # pypdf decrypts encrypted files that open without a password, and raises for all others.
    reader = PdfReader(file, strict=False)
    streams = [reader.get_object(number) for number in _object_streams(reader)]
    if _count(content, "/ObjStm") > len(streams):
        return Rejection.UNREADABLE
    texts = [content, *(each.get_data() for each in streams if isinstance(each, StreamObject))]
    if any(_unescaped(name) in ACTIONS for text in texts for name in _ACTION.findall(text)):
        return Rejection.ACTIVE
    if any(_leads_astray(address) for text in texts for address in _addresses(text)):
        return Rejection.ACTIVE
    pending = [reader.trailer, reader.root_object]
    if any(_is_active(each) for each in _dictionaries(reader, pending)):
        return Rejection.ACTIVE
    return None


def _object_streams(reader: PdfReader) -> set[int]:
    return {stream for stream, _ in reader.xref_objStm.values()}


def _count(content: bytes, name: str) -> int:
    return sum(_unescaped(each) == name for each in _ANY_NAME.findall(content))


def _unescaped(name: bytes) -> str:
    plain = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), name)
    return f"/{plain.decode('latin-1')}"


def _addresses(content: bytes) -> Iterator[str]:
    """Yield what the raw bytes name as the address of a link."""
    for name in _ANY_NAME.finditer(content):
        if _unescaped(name[1]) == "/URI" and (text := _TEXT.match(content, name.end())):
            yield _decoded(text[1] if text[2] is None else bytes.fromhex(_even(text[2])))


def _even(digits: bytes) -> str:
    """Return hexadecimal digits in pairs; PDF takes a missing last one for 0."""
    plain = b"".join(digits.split()).decode()
    return plain + "0" * (len(plain) % 2)


def _decoded(text: bytes) -> str:
    if text.startswith(b"\xfe\xff"):
        return text[2:].decode("utf-16-be", "replace")
    return text.decode("latin-1")


def _leads_astray(address: str) -> bool:
    plain = _IGNORED.sub("", address)
    scheme = _SCHEME.match(plain)
    if scheme is not None:
        return scheme[1].lower() not in SCHEMES and "." not in scheme[1]
    return plain.startswith(("\\", "//"))


def _dictionaries(
    reader: PdfReader, pending: Sequence[PdfObject | None]
) -> Iterator[DictionaryObject]:
    """Yield all dictionaries that can be reached from the pending objects."""
    seen: set[tuple[int, int]] = set()
    rest = list(pending)
    while rest:
        each = rest.pop()
        if isinstance(each, IndirectObject):
            address = (each.idnum, each.generation)
            if address not in seen:
                seen.add(address)
                rest.append(_resolved(reader, each))
        elif isinstance(each, DictionaryObject):
            yield each
            rest.extend(each.raw_get(key) for key in each)
        elif isinstance(each, ArrayObject):
            rest.extend(each)


def _resolved(reader: PdfReader, reference: IndirectObject) -> PdfObject | None:
    found = reference.get_object()
    lost = found is None or isinstance(found, NullObject)
    if lost and reference.generation == 0 and reference.idnum in reader.xref_objStm:
        # pypdf returns nothing for an object that it cannot read in an object stream. Another PDF
        # reader may be able to read it.
        raise PdfReadError
    return found


def _is_active(each: DictionaryObject) -> bool:
    kinds = {_name(each, "/Type"), _name(each, "/Subtype")}
    return (
        bool(KEYS.intersection(each) or KINDS & kinds)
        or _name(each, "/S") in ACTIONS
        or _names_a_file(each)
        or any(_leads_astray(address) for address in _addresses_of(each))
    )


def _addresses_of(each: DictionaryObject) -> Iterator[str]:
    """Yield the address of a link, and what the addresses of all links begin with."""
    for key in ("/URI", "/Base"):
        value = _value(each, key)
        if isinstance(value, TextStringObject | ByteStringObject):
            yield value if isinstance(value, str) else _decoded(bytes(value))


def _names_a_file(each: DictionaryObject) -> bool:
    """Tell whether a PDF reader would fetch another file, possibly from the network, for this.

    `/F` is a number in annotations, and some programs write the name of a filter there. Neither
    names a file.
    """
    value = _value(each, "/F")
    return isinstance(value, TextStringObject | ByteStringObject | DictionaryObject)


def _name(each: DictionaryObject, key: str) -> str | None:
    value = _value(each, key)
    return value if isinstance(value, str) else None


def _value(each: DictionaryObject, key: str) -> object:
    value = each.get(key)
    return value.get_object() if isinstance(value, IndirectObject) else value
