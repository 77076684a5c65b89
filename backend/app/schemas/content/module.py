import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import MISSING, Field, StringConstraints

from app.domain.content.section_settings import SectionKind
from app.domain.fields import Flag, Label, Line, Paragraph, Whole
from app.models.content.module import ModuleStatus
from app.schemas.base import Changes, Payload, Resource, Versioned
from app.schemas.content.content import Content
from app.schemas.content.section import SectionReadByKind
from app.schemas.described import DescribedAs

Language = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)
]
Minutes = Annotated[int, Field(ge=1, le=6_000, strict=True), Whole]
Tags = Annotated[list[Label], Field(max_length=30)]
ModuleIds = Annotated[list[uuid.UUID], Field(max_length=50)]


class ModuleCreate(Payload):
    title: Line
    summary: Paragraph = ""
    category: Label | None = None
    tags: Tags = Field(default_factory=list)
    language: Language = "en"
    estimated_minutes: Minutes | None = None
    prerequisite_ids: ModuleIds = Field(default_factory=list)


class ModuleUpdate(Changes):
    title: Line | MISSING = MISSING
    summary: Paragraph | MISSING = MISSING
    category: Label | MISSING | None = MISSING
    tags: Tags | MISSING = MISSING
    language: Language | MISSING = MISSING
    estimated_minutes: Minutes | MISSING | None = MISSING
    prerequisite_ids: ModuleIds | MISSING = MISSING


class ModuleSummary(Resource):
    id: uuid.UUID
    slug: str
    title: str
    summary: str
    category: str | None
    tags: list[str]
    language: str
    status: ModuleStatus
    estimated_minutes: int | None
    section_count: int
    current_version: int | None


class ModuleCard(ModuleSummary):
    """An item of the catalogue."""

    etag: str | None = Field(None, exclude_if=lambda etag: etag is None)
    """What If-Match takes; left out for those who may not edit it."""

    unpublished_changes: bool | None = Field(None, exclude_if=lambda changes: changes is None)
    """Whether a version published now would say something new; left out for learners."""


class Facet(Resource):
    """A value to filter the catalogue by, and how many modules it finds."""

    value: str
    modules: int


class ModuleFacets(Resource):
    """What to filter the catalogue by, each in alphabetical order."""

    categories: list[Facet]
    tags: list[Facet]
    languages: list[Facet]


class OutlineSection(Resource):
    section_id: uuid.UUID
    kind: SectionKind
    title: str
    required: bool
    states: list[str] = Field(default_factory=list)
    """Whose offices see it, by ISO 3166-2; empty for everybody."""


class ModuleOutline(ModuleSummary):
    """What a learner sees before enrolling."""

    prerequisite_ids: list[uuid.UUID]
    sections: list[OutlineSection]


class ModuleDraft(ModuleSummary, Versioned):
    """What an author edits."""

    prerequisite_ids: list[uuid.UUID]
    revision: int
    published_at: datetime | None
    unpublished_changes: bool
    """Whether a version published now would say something new."""

    created_at: datetime
    updated_at: datetime
    sections: list[SectionReadByKind]


class Publish(Payload):
    note: Paragraph | None = None
    material_change: Flag = False


class VersionRead(Resource):
    id: uuid.UUID
    module_id: uuid.UUID
    number: int
    title: str
    note: str | None
    material_change: bool
    content_sha256: str
    answer_key_sha256: str
    published_at: datetime
    module_etag: str | None = Field(None, exclude_if=lambda etag: etag is None)
    """The ETag of the draft after it was published; left out elsewhere."""


class VersionDetail(VersionRead, Versioned):
    content: Annotated[dict[str, Any], DescribedAs(Content)]
    """What learners of this version are shown; no answers."""
