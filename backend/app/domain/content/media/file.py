"""Uploaded files: what may be uploaded for what, where it is kept, and how it is judged."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from app.domain.content.media.polyglot import is_polyglot

SNIFFED_BYTES: Final = 4_096
UPLOAD_LIFETIME: Final = timedelta(hours=2)
"""How long Supabase's signed upload URLs are valid; Supabase fixes it."""


class MediaPurpose(StrEnum):
    SECTION = "section"
    EVIDENCE = "evidence"


class MediaState(StrEnum):
    """A pending file becomes ready or is rejected, once; both are final."""

    PENDING = "pending"
    READY = "ready"
    REJECTED = "rejected"


class MediaType(StrEnum):
    """Allowed media types. HTML and SVG are not, because a browser would run scripts in them."""

    MP4 = "video/mp4"
    WEBM = "video/webm"
    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"
    WEBP = "image/webp"
    VTT = "text/vtt"


class Rejection(StrEnum):
    SIZE = "size_mismatch"
    TYPE = "type_mismatch"
    POLYGLOT = "polyglot"
    """It is something else as well: an archive, a page, a script."""

    ACTIVE = "active_content"
    """A PDF with scripts, actions that reach out, or files within."""

    UNREADABLE = "unreadable"
    """A PDF that is broken, needs a password, or costs too much to look through."""


_EVIDENCE: Final = frozenset({MediaType.PDF, MediaType.PNG, MediaType.JPEG})
VIDEO_TYPES: Final = frozenset({MediaType.MP4, MediaType.WEBM})
PICTURE_TYPES: Final = frozenset({MediaType.PNG, MediaType.JPEG, MediaType.WEBP})
DOCUMENT_TYPES: Final = PICTURE_TYPES | {MediaType.PDF}

TYPES_BY_PURPOSE: Final[Mapping[MediaPurpose, frozenset[MediaType]]] = {
    MediaPurpose.SECTION: frozenset(MediaType),
    MediaPurpose.EVIDENCE: _EVIDENCE,
}
_EXTENSIONS: Final[Mapping[MediaType, str]] = {
    MediaType.MP4: "mp4",
    MediaType.WEBM: "webm",
    MediaType.PDF: "pdf",
    MediaType.PNG: "png",
    MediaType.JPEG: "jpg",
    MediaType.WEBP: "webp",
    MediaType.VTT: "vtt",
}


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """Largest sizes in bytes by purpose, and how long a download is signed for."""

    section_bytes: int
    evidence_bytes: int
    download_seconds: int
    hashed_bytes: int
    """Larger files are not read again to compute their SHA-256."""

    def bytes_for(self, purpose: MediaPurpose) -> int:
        return self.section_bytes if purpose is MediaPurpose.SECTION else self.evidence_bytes


def object_path(purpose: MediaPurpose, media_id: UUID, content_type: MediaType) -> str:
    """Return the key in the bucket. The client only chooses the type, from those allowed."""
    return f"{purpose.value}/{media_id}.{_EXTENSIONS[content_type]}"


# Major brands of ISO base media files that browsers play as MP4 (the MP4 registration authority).
_MP4_BRANDS: Final = frozenset(
    {b"isom", *(b"iso%d" % number for number in range(2, 10)), b"mp41", b"mp42", b"avc1", b"M4V "}
    | {b"dash", b"msdh", b"msnv", b"cmfc", b"f4v "}
)
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


def sniff(head: bytes) -> str | None:
    """Return the media type that the first bytes of a file show, None for nothing known."""
    if head[4:8] == b"ftyp":
        # Photos, sound, QuickTime and MP4 files all use this container; its major brand tells which
        # it is.
        return MediaType.MP4 if head[8:12] in _MP4_BRANDS else "application/mp4"
    candidates = _candidates(head.removeprefix(_BYTE_ORDER_MARK))
    known = [candidate for candidate in candidates if candidate in set(MediaType)]
    return next(iter(known or candidates), None)


def _candidates(head: bytes) -> list[str]:
    """Return the types that fit best and equally well."""
    import puremagic  # noqa: PLC0415  # workers need none of it

    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return []
    best = max((match.confidence for match in matches), default=0)
    return [match.mime_type for match in matches if match.confidence == best and match.mime_type]


@dataclass(frozen=True, slots=True)
class Declared:
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the storage holds. `sent_type` is what the uploader said.

    `head` has the first SNIFFED_BYTES, `tail` the last TAIL_BYTES.
    """

    sent_type: str
    size_bytes: int
    head: bytes
    tail: bytes


def judge(declared: Declared, found: Found) -> Rejection | None:
    """Compare an upload with its declaration: it has to be exactly what was announced."""
    if found.size_bytes != declared.size_bytes:
        return Rejection.SIZE
    sent = found.sent_type.partition(";")[0].strip().lower()
    if sent != declared.content_type or sniff(found.head) != declared.content_type:
        return Rejection.TYPE
    return Rejection.POLYGLOT if is_polyglot(found.head, found.tail) else None


_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def referenced_media(evidence_reference: str | None) -> UUID | None:
    """Return the media id that a reference to evidence is; None for any other text."""
    if evidence_reference is None or not _UUID.fullmatch(evidence_reference):
        return None
    return UUID(evidence_reference)
