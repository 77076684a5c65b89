import uuid
from typing import Any

from pydantic import MISSING, Field

from app.domain.content.quiz.questions import QuestionKind
from app.domain.fields import ExactNumber, Position
from app.models import QuizQuestion
from app.schemas.base import Changes, Payload, Versioned


class QuestionCreate(Payload):
    """`metadata` is checked by kind; see app.domain.content.quiz.metadata."""

    kind: QuestionKind
    prompt: str
    points: ExactNumber = Field(default=1, validate_default=True)
    metadata: dict[str, Any]
    explanation: str | None = None
    position: Position | None = None


class QuestionUpdate(Changes):
    prompt: str | MISSING = MISSING
    points: ExactNumber | MISSING = MISSING
    metadata: dict[str, Any] | MISSING = MISSING
    explanation: str | MISSING | None = MISSING
    position: Position | MISSING = MISSING


class QuestionRead(Versioned):
    """An author's view: it holds the answers."""

    id: uuid.UUID
    kind: QuestionKind
    prompt: str
    points: ExactNumber
    metadata: dict[str, Any]
    explanation: str | None
    position: int
    revision: int

    @classmethod
    def of(cls, question: QuizQuestion) -> "QuestionRead":
        return cls(
            etag=question.etag,
            id=question.id,
            kind=question.kind,
            prompt=question.prompt,
            points=question.points,
            metadata=question.answer_metadata,
            explanation=question.explanation,
            position=question.position,
            revision=question.revision,
        )
