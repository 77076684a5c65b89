import uuid
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, Integer, String, Text, and_, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import RevisionedModel, SoftDeletable
from app.domain.content.section_settings import SectionKind
from app.models.content.question import QuizQuestion
from app.models.types import Json, JsonObject, text_enum

if TYPE_CHECKING:
    from app.models.content.module import TrainingModule


class ModuleSection(SoftDeletable, RevisionedModel):
    """An ordered part of a module. Its id is stable: progress follows it across versions.

    A deleted one is no longer among the sections of its module, and keeps the place it had.
    """

    __tablename__ = "module_sections"

    module_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("training_modules.id", ondelete="CASCADE")
    )
    kind: Mapped[SectionKind] = mapped_column(text_enum(SectionKind, "kind"))
    title: Mapped[str] = mapped_column(String(200))
    body: Mapped[str] = mapped_column(Text, server_default="", default="")
    """HTML, sanitised on the way in (app.domain.content.html)."""

    required: Mapped[bool] = mapped_column(server_default=text("true"), default=True)
    position: Mapped[int] = mapped_column(Integer)
    settings: Mapped[JsonObject] = mapped_column(Json, server_default=text("'{}'"), default=dict)
    """Rules by kind, see app.domain.content.section_settings."""

    states: Mapped[list[str]] = mapped_column(Json, server_default=text("'[]'"), default=list)
    """ISO 3166-2: for people of offices there alone, such as state law. Empty: for everybody."""

    module: Mapped["TrainingModule"] = relationship(lazy="raise", back_populates="sections")
    questions: Mapped[list[QuizQuestion]] = relationship(
        primaryjoin=lambda: and_(
            QuizQuestion.section_id == ModuleSection.id, QuizQuestion.deleted_at.is_(None)
        ),
        lazy="selectin",
        cascade="all, delete-orphan",
        order_by=QuizQuestion.position,
        back_populates="section",
    )


Index("ix_module_sections_module_id", ModuleSection.module_id, ModuleSection.position)
