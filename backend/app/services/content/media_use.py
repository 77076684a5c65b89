"""Checks of the files that drafts, versions and evidence name: each has to be ready."""

import uuid
from collections.abc import Iterable

from app.core.errors import FieldError, InvalidPayloadError
from app.domain.content.media.file import (
    TYPES_BY_PURPOSE,
    MediaPurpose,
    MediaState,
    MediaType,
    referenced_media,
)
from app.domain.content.media.use import NamedMedia
from app.models import Media
from app.services.unit_of_work import UnitOfWork


async def media_faults(uow: UnitOfWork, named: Iterable[NamedMedia]) -> list[FieldError]:
    """Check the files that a draft names; they stay as they are until the transaction ends."""
    listed = list(named)
    known = await uow.media.keep(each.media_id for each in listed)
    faults = (_fault_of(each, known.get(each.media_id)) for each in listed)
    return [fault for fault in faults if fault is not None]


async def refuse_unusable_media(uow: UnitOfWork, named: Iterable[NamedMedia]) -> None:
    if faults := await media_faults(uow, named):
        raise InvalidPayloadError(faults)


async def evidence_media_fault(
    uow: UnitOfWork, reference: str | None, owner_id: uuid.UUID
) -> FieldError | None:
    """Check the file that a reference to evidence is, if it is one: it must be the person's."""
    media_id = referenced_media(reference)
    if media_id is None:
        return None
    media = (await uow.media.keep([media_id])).get(media_id)
    if media is not None and media.owner_id != owner_id:
        media = None
    types = TYPES_BY_PURPOSE[MediaPurpose.EVIDENCE]
    return _fault("/evidence_reference", media, MediaPurpose.EVIDENCE, types)


def _fault_of(named: NamedMedia, media: Media | None) -> FieldError | None:
    place = f"Picture {named.picture}: " if named.picture else ""
    return _fault(named.pointer, media, MediaPurpose.SECTION, named.types, place)


def _fault(
    pointer: str,
    media: Media | None,
    purpose: MediaPurpose,
    types: frozenset[MediaType],
    place: str = "",
) -> FieldError | None:
    if media is None or media.purpose is not purpose:
        return FieldError(pointer, "unknown_media", f"{place}There is no such file")
    if media.state is not MediaState.READY:
        detail = f"{place}This file was not uploaded or not accepted"
        return FieldError(pointer, "media_not_ready", detail)
    if media.declared_type not in types:
        detail = f"{place}This kind of file does not belong here"
        return FieldError(pointer, "media_type", detail)
    return None
