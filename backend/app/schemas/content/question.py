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


MAX_AT_ONCE = 200


class QuestionCreate(Payload):
    """`metadata` is checked by kind."""

    kind: QuestionKind
    prompt: str
    points: ExactNumber = Field(default=1, validate_default=True)
    metadata: dict[str, Any]
    explanation: str | None = None
    name: str | None = None
    category: str | None = None
    tags: list[str] = Field(default_factory=list)
    position: Position | None = None


class QuestionUpdate(Changes):
    prompt: str | MISSING = MISSING
    points: ExactNumber | MISSING = MISSING
    metadata: MetadataByKind | MISSING = MISSING
    explanation: str | MISSING | None = MISSING
    name: str | MISSING | None = MISSING
    category: str | MISSING | None = MISSING
    tags: list[str] | MISSING = MISSING
    position: Position | MISSING = MISSING


class QuestionRead(Versioned):
    """An author's view: it holds the answers."""

    id: uuid.UUID
    kind: QuestionKind
    prompt: str
    points: ExactNumber
    metadata: dict[str, Any]
    explanation: str | None
    name: str | None
    category: str | None
    tags: list[str]
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
            name=question.name,
            category=question.category,
            tags=question.tags,
            position=question.position,
            revision=question.revision,
        )


QuestionCreateByKind = Annotated[
    QuestionCreate, OneOfKinds(QuestionCreate, QuestionKind, _metadata_of)
]
QuestionReadByKind = Annotated[QuestionRead, OneOfKinds(QuestionRead, QuestionKind, _metadata_of)]


class QuestionsCreate(Payload):
    """Questions to be added together, in this order. Their `position` does not count."""

    items: Annotated[list[QuestionCreateByKind], Field(min_length=1, max_length=MAX_AT_ONCE)]
