"""What the authors do: drafts, second versions, a video."""

from collections.abc import Iterator
from functools import partial
from importlib.resources import files
from typing import Final
from uuid import UUID

import httpx

from app.core.pagination import PageRequest
from app.domain.content.media.file import MediaPurpose, MediaType
from app.domain.content.section_settings import SectionKind
from app.repositories.content.module import ModuleFilter
from app.schemas.content.media import MediaCreate
from app.schemas.content.module import ModuleCreate, ModuleDraft, ModuleUpdate, Publish
from app.schemas.content.section import SectionCreate
from devstack.town.lessons import Lesson
from devstack.town.town import UNCHANGED, Event, Town

AUTHOR: Final = "author@unified.example"
VIDEO: Final = "hand-hygiene.mp4"
HAND_HYGIENE: Final = "hand-hygiene-in-twenty-seconds"


def authoring(town: Town) -> Iterator[Event]:
    yield Event(70, partial(_make_video_module, town))
    yield Event(150, partial(_correct, town))
    yield Event(210, partial(_change_materially, town))
    yield Event(300, partial(_archive, town))
    yield Event(331, partial(_draft, town, "Nitrous Oxide Safety", SectionKind.TEXT))
    yield Event(357, partial(_draft, town, "Teledentistry Etiquette", None))
    yield Event(359, partial(_edit_without_publishing, town))


async def read_lessons(town: Town) -> None:
    """Learn what the modules ask that are published by now."""
    service = town.services.modules(town.as_admin)
    for card in (await service.list(ModuleFilter(), PageRequest(100))).items:
        if card.current_version is not None:
            draft = (await service.get(card.id)).value
            await _learn(town, card.slug, draft, card.current_version)


async def _learn(town: Town, slug: str, draft: object, number: int) -> None:
    if not isinstance(draft, ModuleDraft):
        raise TypeError
    version = await town.services.modules(town.as_admin).version(draft.id, number)
    town.lessons[slug] = Lesson.of(draft, version.value)


async def publish(town: Town, slug: str, module_id: UUID, how: Publish) -> None:
    service = town.services.modules(town.as_admin)
    version = await service.publish(module_id, how, UNCHANGED)
    draft = (await service.get(module_id)).value
    await _learn(town, slug, draft, version.value.number)


async def _make_video_module(town: Town) -> None:
    context = town.acting(AUTHOR)
    content = files("devstack.town").joinpath(VIDEO).read_bytes()
    media = town.services.media(context)
    announced = MediaCreate(
        purpose=MediaPurpose.SECTION,
        content_type=MediaType.MP4,
        size_bytes=len(content),
        file_name=VIDEO,
    )
    declared = (await media.declare(announced)).value
    async with httpx.AsyncClient() as http:
        headers = {"Content-Type": MediaType.MP4}
        sent = await http.put(declared.upload.url, content=content, headers=headers)
        sent.raise_for_status()
    await media.complete(declared.id)
    module = ModuleCreate(
        title="Hand Hygiene in Twenty Seconds",
        summary="A short film for everybody who touches anything.",
        category="Clinical safety",
        tags=["hand hygiene", "video"],
        estimated_minutes=2,
    )
    made = (await town.services.modules(context).create(module)).value
    video = SectionCreate(
        kind=SectionKind.VIDEO,
        title="The film",
        settings={"media_id": str(declared.id), "duration_seconds": 20},
    )
    await town.services.sections(context).create(made.id, video)
    await publish(town, HAND_HYGIENE, made.id, Publish(note="The first film"))


async def _correct(town: Town) -> None:
    """Publish a second version that changes nothing for those who have completed the first."""
    module_id = town.lessons["hazard-communication"].module_id
    change = ModuleUpdate(
        summary="Labels, safety data sheets, and what to do when something spills"
    )
    await town.services.modules(town.acting(AUTHOR)).update(module_id, change, UNCHANGED)
    await publish(town, "hazard-communication", module_id, Publish(note="A clearer summary"))


async def _change_materially(town: Town) -> None:
    module_id = town.lessons["medical-emergencies"].module_id
    section = SectionCreate(
        kind=SectionKind.TEXT,
        title="The new defibrillators",
        body="<p>Each office has its own now. It hangs beside the emergency kit, and says aloud"
        " what to do. Open the lid, and follow it.</p>",
        position=6,
    )
    await town.services.sections(town.acting(AUTHOR)).create(module_id, section)
    new = Publish(note="Each office has a defibrillator", material_change=True)
    await publish(town, "medical-emergencies", module_id, new)


async def _archive(town: Town) -> None:
    service = town.services.modules(town.acting(AUTHOR))
    made = await service.create(ModuleCreate(title="Paper Charts", category="Front office"))
    section = SectionCreate(
        kind=SectionKind.TEXT, title="Where the charts are", body="<p>In the cellar.</p>"
    )
    await town.services.sections(town.acting(AUTHOR)).create(made.value.id, section)
    await service.publish(made.value.id, Publish(), UNCHANGED)
    await service.archive(made.value.id)


async def _draft(town: Town, title: str, kind: SectionKind | None) -> None:
    context = town.acting(AUTHOR)
    made = await town.services.modules(context).create(ModuleCreate(title=title))
    if kind is not None:
        section = SectionCreate(kind=kind, title="What it is for", body="<p>To be written.</p>")
        await town.services.sections(context).create(made.value.id, section)


async def _edit_without_publishing(town: Town) -> None:
    module_id = town.lessons["front-desk-onboarding"].module_id
    change = ModuleUpdate(tags=["front desk", "onboarding", "telephone"])
    await town.services.modules(town.acting(AUTHOR)).update(module_id, change, UNCHANGED)
