import uuid
from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnly, AppendOnlyModel, Base
from app.domain.content.section_kind import CompletedBy
from app.domain.content.section_settings import SectionKind
from app.models.types import Json, JsonObject, NullableJson, text_enum


class ModuleVersion(AppendOnlyModel):
    """The content of one published version. It is immutable, and served byte for byte."""

    __tablename__ = "module_versions"
    __table_args__ = (UniqueConstraint("module_id", "number"),)

    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"))
    number: Mapped[int] = mapped_column(Integer)
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, server_default="", default="")
    category: Mapped[str | None] = mapped_column(String(100))
    tags: Mapped[list[str]] = mapped_column(Json, server_default=text("'[]'"), default=list)
    language: Mapped[str] = mapped_column(String(35))
    estimated_minutes: Mapped[int | None] = mapped_column(SmallInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary)
    """Canonical JSON without answers and explanations."""

    content_sha256: Mapped[str] = mapped_column(String(64))
    """Lower-case hex over `content` exactly as served; the ETag of the content."""

    answer_key_sha256: Mapped[str] = mapped_column(String(64))
    outline: Mapped[list[Any]] = mapped_column(Json)
    note: Mapped[str | None] = mapped_column(Text)
    material_change: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    published_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    by_office: Mapped[bool | None]
    """Whether what learners are shown depends on their offices. Null for no, because what was
    sealed of older versions must stay as it was."""


class VersionSection(AppendOnly, Base):
    """The completion rule of a section of a version; the database's functions read it."""

    __tablename__ = "version_sections"

    version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("module_versions.id"), primary_key=True
    )
    section_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """Id of the draft's section; no foreign key, since a draft section may be deleted."""

    position: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[SectionKind] = mapped_column(text_enum(SectionKind, "kind"))
    completed_by: Mapped[CompletedBy] = mapped_column(text_enum(CompletedBy, "completed_by"))
    title: Mapped[str] = mapped_column(String(200))
    required: Mapped[bool]
    minimum_seconds: Mapped[int] = mapped_column(Integer, server_default=text("0"), default=0)
    """Study time without which a report cannot complete the section."""

    minimum_position: Mapped[float] = mapped_column(server_default=text("0"), default=0)
    """How far into a video a report must have come to complete it, in seconds."""

    document_sha256: Mapped[str | None] = mapped_column(String(64))
    """Hash of the text that a signature of an acknowledgement section covers."""

    states: Mapped[list[str] | None] = mapped_column(NullableJson)
    """The states whose people it is for; null for everybody."""

    site_facts: Mapped[list[str] | None] = mapped_column(NullableJson)
    """The kinds of site fact that its text names; null for none."""

    def concerns(self, states: Collection[str] | None) -> bool:
        """Tell whether it is for somebody who works in these states."""
        return self.states is None or not set(self.states).isdisjoint(states or ())


Index("ix_module_versions_sort", func.lower(ModuleVersion.title), ModuleVersion.id)
Index("ix_version_sections_position", VersionSection.version_id, VersionSection.position)


class AnswerKey(AppendOnly, Base):
    """Answers and explanations of one quiz section of a version, kept apart from its content."""

    __tablename__ = "answer_keys"

    version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("module_versions.id"), primary_key=True
    )
    section_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    key: Mapped[JsonObject] = mapped_column(Json)
