import uuid
from typing import Annotated, Any

from pydantic import MISSING, Field

from app.domain.content.media.picture import Picture
from app.domain.content.quiz.questions import QuestionKind, metadata_of
from app.domain.fields import ExactNumber, Position
from app.models import ModuleSection, QuizQuestion, TrainingModule
from app.schemas.base import Changes, Payload, Resource, Versioned
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
    picture: Picture | None = None
    position: Position | None = None


class QuestionUpdate(Changes):
    prompt: str | MISSING = MISSING
    points: ExactNumber | MISSING = MISSING
    metadata: MetadataByKind | MISSING = MISSING
    explanation: str | MISSING | None = MISSING
    name: str | MISSING | None = MISSING
    category: str | MISSING | None = MISSING
    tags: list[str] | MISSING = MISSING
    picture: Picture | MISSING | None = MISSING
    position: Position | MISSING = MISSING


class ChangedDraft(Resource):
    """What the ETag of a part's module is now, to go on editing with."""

    module_etag: str


class ChangedQuiz(ChangedDraft):
    section_etag: str


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
    picture: Picture | None
    position: int
    revision: int
    section_etag: str | None = Field(None, exclude_if=lambda etag: etag is None)
    """The ETag of its section, left out where the question is shown within it."""

    module_etag: str | None = Field(None, exclude_if=lambda etag: etag is None)
    """The ETag of its module, left out where the question is shown within it."""

    @classmethod
    def of(
        cls,
        question: QuizQuestion,
        section: ModuleSection | None = None,
        module: TrainingModule | None = None,
    ) -> "QuestionRead":
        return cls(
            etag=question.etag,
            section_etag=section.etag if section else None,
            module_etag=module.etag if module else None,
            id=question.id,
            kind=question.kind,
            prompt=question.prompt,
            points=question.points,
            metadata=question.answer_metadata,
            explanation=question.explanation,
            name=question.name,
            category=question.category,
            tags=question.tags,
            picture=question.picture,
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
