"""Checks of the files that sections, versions and evidence name: each has to be ready."""

import uuid
from collections.abc import Iterable

from app.core.errors import FieldError
from app.domain.content.media import (
    TYPES_BY_PURPOSE,
    MediaPurpose,
    MediaState,
    MediaType,
    referenced_media,
)
from app.domain.content.section_kind import media_fields
from app.models import Media, ModuleSection
from app.services.unit_of_work import UnitOfWork


def media_of(sections: Iterable[ModuleSection]) -> set[uuid.UUID]:
    return {
        media_id
        for section in sections
        for _, media_id, _ in media_fields(section.kind, section.settings)
    }


async def section_media_faults(
    uow: UnitOfWork, sections: Iterable[tuple[str, ModuleSection]]
) -> list[FieldError]:
    """Check the files that sections name; they stay as they are until the transaction ends.

    Each section comes with the pointer of its settings.
    """
    named = [
        (f"{pointer}/{field}", media_id, types)
        for pointer, section in sections
        for field, media_id, types in media_fields(section.kind, section.settings)
    ]
    known = await uow.media.keep(media_id for _, media_id, _ in named)
    faults = (
        _fault(pointer, known.get(media_id), MediaPurpose.SECTION, types)
        for pointer, media_id, types in named
    )
    return [fault for fault in faults if fault is not None]


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


def _fault(
    pointer: str, media: Media | None, purpose: MediaPurpose, types: frozenset[MediaType]
) -> FieldError | None:
    if media is None or media.purpose is not purpose:
        return FieldError(pointer, "unknown_media", "There is no such file")
    if media.state is not MediaState.READY:
        return FieldError(pointer, "media_not_ready", "This file was not uploaded or not accepted")
    if media.declared_type not in types:
        return FieldError(pointer, "media_type", "This kind of file does not belong here")
    return None
