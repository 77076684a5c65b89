import uuid
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, Integer, Numeric, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.database import RevisionedModel, SoftDeletable
from app.domain.content.quiz.questions import MAX_CATEGORY, MAX_NAME, QuestionKind
from app.models.types import Json, JsonObject, NullableJson, text_enum

if TYPE_CHECKING:
    from app.models.content.section import ModuleSection


class QuizQuestion(SoftDeletable, RevisionedModel):
    """A question of a quiz section. Its id is stable across versions.

    A deleted one is no longer among the questions of its section, and keeps the place it had.
    """

    __tablename__ = "quiz_questions"

    section_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("module_sections.id", ondelete="CASCADE")
    )
    kind: Mapped[QuestionKind] = mapped_column(text_enum(QuestionKind, "kind"))
    prompt: Mapped[str] = mapped_column(Text)
    points: Mapped[Decimal] = mapped_column(Numeric(7, 3), default=Decimal(1))
    answer_metadata: Mapped[JsonObject] = mapped_column("metadata", Json)
    """Options and key, by kind (app.domain.content.quiz). Has the answers: not for learners."""

    explanation: Mapped[str | None] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(String(MAX_NAME))
    """What authors know the question by. Never sent to learners: it may give the answer away."""

    category: Mapped[str | None] = mapped_column(String(MAX_CATEGORY))
    tags: Mapped[list[str]] = mapped_column(Json, server_default=text("'[]'"), default=list)
    picture: Mapped[JsonObject | None] = mapped_column(NullableJson)
    """Shown with the prompt (app.domain.content.media.picture); options have their own."""

    position: Mapped[int] = mapped_column(Integer)

    section: Mapped["ModuleSection"] = relationship(lazy="raise", back_populates="questions")


Index("ix_quiz_questions_section_id", QuizQuestion.section_id, QuizQuestion.position)
