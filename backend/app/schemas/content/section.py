import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import MISSING, AfterValidator, Field, StringConstraints

from app.domain.content.quiz.questions import QuestionKind
from app.domain.content.section_kind import rules_of
from app.domain.content.section_settings import SectionKind
from app.domain.fields import Flag, Line, Position, StorableText
from app.domain.people.place import KnownState
from app.models import ModuleSection, TrainingModule
from app.schemas.base import Changes, Payload, Resource, Versioned
from app.schemas.content.question import QuestionRead, QuestionReadByKind
from app.schemas.described import AnyOfKinds, Form, OneOfKinds


def _settings_of(kind: SectionKind) -> dict[str, Form]:
    return {"settings": rules_of(kind).settings}


def _each_once(states: list[str]) -> list[str]:
    return sorted(set(states))


SettingsByKind = Annotated[dict[str, Any], AnyOfKinds("settings", SectionKind, _settings_of)]

SectionStates = Annotated[list[KnownState], Field(max_length=60), AfterValidator(_each_once)]
Body = Annotated[StorableText, StringConstraints(max_length=500_000)]


class SectionCreate(Payload):
    """`settings` are checked by kind."""

    kind: SectionKind
    title: Line
    body: Body = ""
    required: Flag = True
    states: SectionStates = Field(default_factory=list)
    """Whose offices see it, by ISO 3166-2; empty for everybody."""

    settings: dict[str, Any] = Field(default_factory=dict)
    position: Position | None = None


class SectionUpdate(Changes):
    title: Line | MISSING = MISSING
    body: Body | MISSING = MISSING
    required: Flag | MISSING = MISSING
    states: SectionStates | MISSING = MISSING
    """Whose offices see it, by ISO 3166-2; empty for everybody."""

    settings: SettingsByKind | MISSING = MISSING
    position: Position | MISSING = MISSING


class SectionOrder(Payload):
    section_ids: list[uuid.UUID] = Field(max_length=500)


class SectionOrderRead(Versioned):
    """The order, with the ETag of the module that it is a part of."""

    section_ids: list[uuid.UUID]


class SectionRead(Versioned):
    """An author's view: the questions hold their answers."""

    id: uuid.UUID
    kind: SectionKind
    title: str
    body: str
    required: bool
    states: list[str]
    """Whose offices see it, by ISO 3166-2; empty for everybody."""

    position: int
    settings: dict[str, Any]
    revision: int
    questions: list[QuestionReadByKind]
    module_etag: str | None = Field(None, exclude_if=lambda etag: etag is None)
    """The ETag of its module, left out where the section is shown within it."""

    @classmethod
    def of(cls, section: ModuleSection, module: TrainingModule | None = None) -> "SectionRead":
        return cls(
            etag=section.etag,
            module_etag=module.etag if module else None,
            id=section.id,
            kind=section.kind,
            title=section.title,
            body=section.body,
            required=section.required,
            states=section.states,
            position=section.position,
            settings=section.settings,
            revision=section.revision,
            questions=[QuestionRead.of(question) for question in section.questions],
        )


class DeletedSection(Resource):
    """Its questions come back with it."""

    id: uuid.UUID
    kind: SectionKind
    title: str
    deleted_at: datetime


class DeletedQuestion(Resource):
    """A question that was deleted by itself, from a section that is still there."""

    id: uuid.UUID
    section_id: uuid.UUID
    kind: QuestionKind
    prompt: str
    deleted_at: datetime


class DeletedParts(Resource):
    """What may be restored, the last one deleted first."""

    sections: list[DeletedSection]
    questions: list[DeletedQuestion]


SectionCreateByKind = Annotated[SectionCreate, OneOfKinds(SectionCreate, SectionKind, _settings_of)]
SectionReadByKind = Annotated[SectionRead, OneOfKinds(SectionRead, SectionKind, _settings_of)]
