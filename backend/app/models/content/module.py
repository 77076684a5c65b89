import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, SmallInteger, String, Text, and_, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import Base, RevisionedModel, SoftDeletable
from app.models.content.section import ModuleSection
from app.models.types import Json, text_enum


class ModuleStatus(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ARCHIVED = "archived"


class TrainingModule(SoftDeletable, RevisionedModel):
    """The draft that authors edit. Learners only ever see its published versions.

    `revision` counts every edit of the module, its sections and its questions, so that an edit of
    one part is noticed by whoever edits another.
    """

    __tablename__ = "training_modules"

    slug: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    summary: Mapped[str] = mapped_column(Text, server_default="", default="")
    category: Mapped[str | None] = mapped_column(String(100))
    tags: Mapped[list[str]] = mapped_column(Json, server_default=text("'[]'"), default=list)
    language: Mapped[str] = mapped_column(String(35), server_default="en", default="en")
    """BCP 47 tag."""

    estimated_minutes: Mapped[int | None] = mapped_column(SmallInteger)
    status: Mapped[ModuleStatus] = mapped_column(
        text_enum(ModuleStatus, "status"),
        server_default=ModuleStatus.DRAFT.value,
        default=ModuleStatus.DRAFT,
    )
    current_version_id: Mapped[uuid.UUID | None] = mapped_column(
        ForeignKey("module_versions.id", use_alter=True)
    )
    published_at: Mapped[datetime | None]
    draft_sha256: Mapped[str | None] = mapped_column(String(64))
    """Hash of what versions are made of (domain.content.draft), as of the last edit."""

    published_draft_sha256: Mapped[str | None] = mapped_column(String(64))
    """The same hash as of the last publication."""

    created_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    sections: Mapped[list[ModuleSection]] = relationship(
        primaryjoin=lambda: and_(
            ModuleSection.module_id == TrainingModule.id, ModuleSection.deleted_at.is_(None)
        ),
        lazy="selectin",
        cascade="all, delete-orphan",
        order_by=ModuleSection.position,
        back_populates="module",
    )


Index(
    "uq_training_modules_slug_live",
    TrainingModule.slug,
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
    sqlite_where=text("deleted_at IS NULL"),
)
Index("ix_training_modules_sort", func.lower(TrainingModule.title), TrainingModule.id)


class ModulePrerequisite(Base):
    """The person must have completed `requires_id` before enrolling in `module_id`."""

    __tablename__ = "module_prerequisites"

    module_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("training_modules.id", ondelete="CASCADE"), primary_key=True
    )
    requires_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("training_modules.id", ondelete="CASCADE"), primary_key=True, index=True
    )
