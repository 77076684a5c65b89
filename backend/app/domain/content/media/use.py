"""The files that the parts of a draft name, wherever they name them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from app.domain.content.draft import ModuleDraft, SectionDraft
from app.domain.content.media.file import PICTURE_TYPES, MediaType
from app.domain.content.media.picture import pictures_in
from app.domain.content.quiz.metadata import ITEM_LISTS
from app.domain.content.section_kind import rules_of
from app.domain.content.section_settings import SectionKind


@dataclass(frozen=True, slots=True)
class NamedMedia:
    """A file, the pointer to where it is named, and the types that are taken there.

    `picture` counts the pictures of a body from 1, since all of them have the body's pointer.
    """

    pointer: str
    media_id: UUID
    types: frozenset[MediaType] = PICTURE_TYPES
    picture: int | None = None


def media_of_module(draft: ModuleDraft) -> Iterator[NamedMedia]:
    for index, section in enumerate(draft.in_order()):
        yield from below(f"/sections/{index}", media_of_section(section))


def media_of_section(section: SectionDraft) -> Iterator[NamedMedia]:
    yield from media_of_settings(section.kind, section.settings)
    yield from media_of_body(section.body)
    for index, question in enumerate(section.questions):
        yield from below(
            f"/questions/{index}", media_of_question(question.picture, question.metadata)
        )


def media_of_settings(kind: SectionKind, settings: Mapping[str, Any]) -> Iterator[NamedMedia]:
    for field, types in rules_of(kind).media.items():
        value = settings.get(field)
        if value is not None:
            yield NamedMedia(f"/settings/{field}", UUID(str(value)), types)


def media_of_body(body: str) -> Iterator[NamedMedia]:
    """Yield the files of a sanitised body."""
    for number, media_id in pictures_in(body):
        yield NamedMedia("/body", media_id, picture=number)


def media_of_question(
    picture: Mapping[str, Any] | None, metadata: Mapping[str, Any]
) -> Iterator[NamedMedia]:
    """Yield the files of a question and its options, of both of which this takes the JSON."""
    if picture:
        yield _pictured("", picture)
    for name in ITEM_LISTS:
        for index, item in enumerate(metadata.get(name, ())):
            if item.get("picture"):
                yield _pictured(f"/metadata/{name}/{index}", item["picture"])


def below(pointer: str, named: Iterable[NamedMedia]) -> Iterator[NamedMedia]:
    return (replace(each, pointer=pointer + each.pointer) for each in named)


def _pictured(pointer: str, picture: Mapping[str, Any]) -> NamedMedia:
    return NamedMedia(f"{pointer}/picture/media_id", UUID(str(picture["media_id"])))
