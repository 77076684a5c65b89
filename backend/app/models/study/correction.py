import uuid
from typing import Any

from sqlalchemy import ForeignKey, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.domain.study.quiz.grading import CorrectionKind
from app.models.types import Json, text_enum


class QuizCorrection(AppendOnlyModel):
    """What an author decided about a published question whose key was wrong."""

    __tablename__ = "quiz_corrections"
    __table_args__ = (UniqueConstraint("version_id", "section_id", "number"),)

    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("module_versions.id"))
    section_id: Mapped[uuid.UUID]
    number: Mapped[int] = mapped_column(Integer)
    """1, 2, 3 ... without gaps for each quiz of a version; all of them count when grading."""

    question_id: Mapped[uuid.UUID]
    kind: Mapped[CorrectionKind] = mapped_column(text_enum(CorrectionKind, "kind"))
    answer: Mapped[Any] = mapped_column(Json, nullable=True)
    """The answer to accept as well; a key, hence never shown to learners."""

    note: Mapped[str] = mapped_column(Text)
    created_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
