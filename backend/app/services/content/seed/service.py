"""Loads the content that ships with the application. Running it again changes nothing."""

import tomllib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from app.core.ids import new_id
from app.domain.actor import Role
from app.domain.audit import AuditAction
from app.domain.content.html import sanitise
from app.domain.content.quiz.questions import parse_question
from app.domain.content.section_kind import parse_settings
from app.domain.content.section_settings import SectionKind
from app.domain.evidence.ce_rule import ce_requirements
from app.domain.people.place import country_of
from app.models import Location, ModuleSection, QuizQuestion, TrainingModule, User
from app.repositories.people.word import W, WordRepository
from app.schemas.content.module import Publish
from app.services.base import Service
from app.services.content.publishing import publish_module
from app.services.content.seed.requirement import seed_requirements
from app.services.unit_of_work import UnitOfWork
from app.services.word import listed_word, listing

CONTENT = files("app") / "content"
NOTE = "Published from the content that ships with the application"


@dataclass(frozen=True, slots=True)
class Identity:
    """A person of the demonstration organisation."""

    email: str
    full_name: str
    signs_in: bool
    """Whether the small development stack lets them."""


@dataclass(slots=True)
class Seeded:
    """How many rows were new."""

    locations: int = 0
    users: int = 0
    modules: list[str] = field(default_factory=list)
    requirements: list[str] = field(default_factory=list)


class SeedService(Service):
    async def modules(self) -> Seeded:
        """Make and publish the modules that are not there yet, known by their slugs."""
        seeded = Seeded()
        async with self.work() as uow:
            await uow.modules.lock_slugs()
            ids: dict[str, uuid.UUID] = {}
            for document in _in_dependency_order(_documents()):
                module = await uow.modules.by_slug(document["slug"])
                if module is None:
                    module = await _make_module(uow, document, ids)
                    seeded.modules.append(module.slug)
                ids[document["slug"]] = module.id
        return seeded

    async def requirements(self) -> Seeded:
        """Make the requirements that are not there yet; their modules come first."""
        document = _read(CONTENT / "requirements.toml")
        async with self.work() as uow:
            await uow.modules.lock_slugs()
            documents = [*document["requirements"], *ce_requirements()]
            return Seeded(requirements=await seed_requirements(uow, documents))

    async def organisation(self) -> Seeded:
        """Make the demonstration organisation: locations and staff who are not there yet."""
        document = _read(CONTENT / "organisation.toml")
        seeded = Seeded()
        async with self.work() as uow:
            await _words(uow, uow.departments, document["departments"])
            await _words(uow, uow.job_titles, document["job_titles"])
            locations = {}
            for entry in document["locations"]:
                location, created = await _location(uow, entry)
                locations[entry["slug"]] = location
                seeded.locations += created
            new = [entry for entry in document["staff"] if await _person(uow, entry, locations)]
            seeded.users = len(new)
            await _assign_managers(uow, new)
        return seeded


def demonstration_identities() -> list[Identity]:
    return [person for person in staff() if person.signs_in]


def staff() -> list[Identity]:
    """Return everybody of the demonstration organisation."""
    return [
        Identity(person["email"], person["full_name"], person.get("identity", False))
        for person in _read(CONTENT / "organisation.toml")["staff"]
    ]


def _read(file: Traversable) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _documents() -> dict[str, dict[str, Any]]:
    found = [_read(file) for file in (CONTENT / "modules").iterdir() if file.name.endswith(".toml")]
    return {document["slug"]: document for document in found}


def _in_dependency_order(documents: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    graph = {slug: document.get("prerequisites", []) for slug, document in documents.items()}
    for slug in TopologicalSorter(graph).static_order():
        yield documents[slug]


async def _make_module(
    uow: UnitOfWork, document: dict[str, Any], ids: dict[str, uuid.UUID]
) -> TrainingModule:
    module = TrainingModule(
        slug=document["slug"],
        title=document["title"],
        summary=document["summary"],
        category=document["category"],
        tags=document["tags"],
        language=document["language"],
        estimated_minutes=document["estimated_minutes"],
        sections=[
            _section(position, section)
            for position, section in enumerate(document["sections"], start=1)
        ],
    )
    await uow.modules.add(module)
    required = [ids[slug] for slug in document.get("prerequisites", [])]
    await uow.modules.replace_prerequisites(module.id, required)
    await uow.audit(AuditAction.MODULE_CREATED, module, after={"slug": module.slug})
    await publish_module(uow, module, Publish(note=NOTE))
    return module


def _section(position: int, document: dict[str, Any]) -> ModuleSection:
    kind = SectionKind(document["kind"])
    return ModuleSection(
        kind=kind,
        title=document["title"],
        body=sanitise(document.get("body", "")),
        required=document.get("required", True),
        states=document.get("states", []),
        settings=parse_settings(kind, document.get("settings", {})).as_json(),
        position=position,
        questions=[
            _question(number, question)
            for number, question in enumerate(document.get("questions", []), start=1)
        ],
    )


def _question(position: int, document: dict[str, Any]) -> QuizQuestion:
    fields = {name: value for name, value in document.items() if name != "key"}
    question = parse_question({"id": new_id(), **fields})
    return QuizQuestion(
        id=question.id,
        kind=question.kind,
        prompt=question.prompt,
        points=question.points,
        answer_metadata=question.metadata.as_json(),
        explanation=question.explanation,
        name=question.name,
        category=question.category,
        tags=list(question.tags),
        picture=question.picture.as_json() if question.picture else None,
        position=position,
    )


async def _location(uow: UnitOfWork, entry: dict[str, Any]) -> tuple[Location, bool]:
    location = await uow.locations.named(entry["name"])
    if location is not None:
        return location, False
    location = await uow.locations.add(
        Location(
            name=entry["name"],
            time_zone=entry["time_zone"],
            country=country_of(entry["state"]),
            state=entry["state"],
            site_facts=entry.get("site_facts", {}),
        )
    )
    await uow.audit(AuditAction.LOCATION_CREATED, location, after={"name": location.name})
    return location, True


async def _words(uow: UnitOfWork, words: WordRepository[W], names: list[str]) -> None:
    for name in names:
        if await words.spelled(name) is None:
            await listing(uow, words, name, confirmed=True)


async def _person(uow: UnitOfWork, entry: dict[str, Any], locations: dict[str, Location]) -> bool:
    if await uow.users.active_by_email(entry["email"]) is not None:
        return False
    department = await listed_word(uow, uow.departments, entry["department"], "")
    title = await listed_word(uow, uow.job_titles, entry["job_title"], "")
    user = await uow.users.add(
        User(
            email=entry["email"],
            full_name=entry["full_name"],
            role=Role(entry["role"]),
            job_title_id=title.id,
            hired_on=entry["hired_on"],
            department_id=department.id,
            location_id=locations[entry["location"]].id,
        )
    )
    await uow.audit(AuditAction.USER_CREATED, user, after={"email": user.email})
    return True


async def _assign_managers(uow: UnitOfWork, staff: list[dict[str, Any]]) -> None:
    for entry in staff:
        if manager_email := entry.get("manager"):
            user = await uow.users.active_by_email(entry["email"])
            manager = await uow.users.active_by_email(manager_email)
            if user and manager:
                user.manager_id = manager.id
