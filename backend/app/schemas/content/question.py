import uuid
from typing import Annotated, Any

from pydantic import MISSING, Field

from app.domain.content.quiz.questions import QuestionKind, metadata_of
from app.domain.fields import ExactNumber, Position
from app.models import QuizQuestion
from app.schemas.base import Changes, Payload, Versioned
from app.schemas.described import AnyOfKinds, Form, OneOfKinds


def _metadata_of(kind: QuestionKind) -> dict[str, Form]:
    return {"metadata": metadata_of(kind)}


MetadataByKind = Annotated[dict[str, Any], AnyOfKinds("metadata", QuestionKind, _metadata_of)]


class QuestionCreate(Payload):
    """`metadata` is checked by kind."""

    kind: QuestionKind
    prompt: str
    points: ExactNumber = Field(default=1, validate_default=True)
    metadata: dict[str, Any]
    explanation: str | None = None
    position: Position | None = None


class QuestionUpdate(Changes):
    prompt: str | MISSING = MISSING
    points: ExactNumber | MISSING = MISSING
    metadata: MetadataByKind | MISSING = MISSING
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


QuestionCreateByKind = Annotated[
    QuestionCreate, OneOfKinds(QuestionCreate, QuestionKind, _metadata_of)
]
QuestionReadByKind = Annotated[QuestionRead, OneOfKinds(QuestionRead, QuestionKind, _metadata_of)]
