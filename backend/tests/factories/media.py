import hashlib
import itertools
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.ids import new_id
from app.domain.content.media.file import MediaPurpose, MediaState, MediaType, object_path
from app.models import Media, ModuleSection, User
from tests.factories.pdf import pdf

BUCKET = "training-media"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00isommp42" + bytes(range(256)) * 40
WEBM = (
    b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"
    + bytes(99)
)
PDF = pdf()
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01" + bytes(40)
WEBP = b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(40)
VTT = b"WEBVTT\n\n00:00.000 --> 00:01.000\nWash your hands.\n"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'

CONTENT: dict[MediaType, bytes] = {
    MediaType.MP4: MP4,
    MediaType.WEBM: WEBM,
    MediaType.PDF: PDF,
    MediaType.PNG: PNG,
    MediaType.JPEG: JPEG,
    MediaType.WEBP: WEBP,
    MediaType.VTT: VTT,
}
_serial = itertools.count(1)


async def make_media(
    session: AsyncSession,
    owner: User,
    content_type: MediaType = MediaType.MP4,
    purpose: MediaPurpose = MediaPurpose.SECTION,
    state: MediaState = MediaState.READY,
    **fields: Any,
) -> Media:
    media_id = new_id()
    size = len(CONTENT[content_type])
    media = Media(
        **{
            "id": media_id,
            "owner_id": owner.id,
            "uploaded_by_id": owner.id,
            "purpose": purpose,
            "bucket": BUCKET,
            "path": object_path(purpose, media_id, content_type),
            "declared_type": content_type,
            "declared_bytes": size,
            "state": state,
            **_found(state, content_type, size),
            **fields,
        }
    )
    session.add(media)
    await session.commit()
    return media


def _found(state: MediaState, content_type: MediaType, size: int) -> dict[str, Any]:
    match state:
        case MediaState.PENDING:
            return {}
        case MediaState.READY:
            sha256 = hashlib.sha256(CONTENT[content_type]).hexdigest()
            found: dict[str, Any] = {"found_type": content_type, "sha256": sha256}
        case MediaState.REJECTED:
            found = {"found_type": "text/html", "rejection": "type_mismatch"}
    return found | {"found_bytes": size, "completed_at": func.now()}


def video_section(media: Media, *, required: bool = True, **settings: Any) -> ModuleSection:
    return ModuleSection(
        kind="video",
        title=f"Film {next(_serial)}",
        required=required,
        questions=[],
        settings={"media_id": str(media.id), **settings},
    )
