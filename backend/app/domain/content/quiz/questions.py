"""Questions with their key, and the view of them that a learner may have.

Prompts, options and explanations are plain text: whoever shows them escapes them.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, assert_never, get_args
from uuid import UUID

from pydantic import AfterValidator, Field, TypeAdapter

from app.domain.content.media.picture import Picture
from app.domain.content.quiz.feedback import left_out
from app.domain.content.quiz.metadata import (
    Item,
    MatchingMetadata,
    Metadata,
    MultipleChoiceMetadata,
    NumericMetadata,
    OrderingMetadata,
    QuestionKind,
    ShortAnswerMetadata,
    SingleChoiceMetadata,
    TrueFalseMetadata,
)
from app.domain.content.quiz.shuffle import shuffled, shuffled_away
from app.domain.fields import (
    MAX_LONG_TEXT,
    HundredthsNumber,
    LongText,
    OneLine,
    Value,
    WrittenText,
)

__all__ = [
    "MAX_CATEGORY",
    "MAX_NAME",
    "MAX_POINTS",
    "MAX_TAG",
    "MAX_TAGS",
    "ChoiceView",
    "EntryView",
    "MatchingQuestion",
    "MatchingView",
    "Metadata",
    "MultipleChoiceQuestion",
    "NumericQuestion",
    "OrderingQuestion",
    "OrderingView",
    "Points",
    "Question",
    "QuestionKind",
    "QuestionView",
    "ShortAnswerQuestion",
    "SingleChoiceQuestion",
    "TrueFalseQuestion",
    "answer_key",
    "learner_view",
    "metadata_of",
    "parse_question",
]

MAX_POINTS: Final = 1_000
MAX_NAME: Final = 255
MAX_CATEGORY: Final = 500
MAX_TAG: Final = 100
MAX_TAGS: Final = 50

Points = Annotated[HundredthsNumber, Field(gt=0, le=MAX_POINTS)]


def _none_if_blank(text: str | None) -> str | None:
    return text or None


Explanation = Annotated[
    Annotated[WrittenText, Field(max_length=MAX_LONG_TEXT)] | None,
    AfterValidator(_none_if_blank),
]


QuestionName = Annotated[
    Annotated[OneLine, Field(max_length=MAX_NAME)] | None, AfterValidator(_none_if_blank)
]
Category = Annotated[
    Annotated[OneLine, Field(max_length=MAX_CATEGORY)] | None, AfterValidator(_none_if_blank)
]
Tag = Annotated[OneLine, Field(min_length=1, max_length=MAX_TAG, pattern="^[^;]+$")]
Tags = Annotated[
    tuple[Tag, ...],
    Field(max_length=MAX_TAGS),
    AfterValidator(lambda tags: tuple(dict.fromkeys(tags))),
]


class BaseQuestion(Value):
    """`name`, `category` and `tags` are for authors alone: a name may give the answer away."""

    id: UUID
    prompt: LongText
    points: Points = Decimal(1)
    explanation: Explanation = None
    name: QuestionName = left_out()
    category: Category = left_out()
    tags: Tags = left_out(())
    picture: Picture | None = left_out()


class SingleChoiceQuestion(BaseQuestion):
    kind: Literal[QuestionKind.SINGLE_CHOICE]
    metadata: SingleChoiceMetadata


class MultipleChoiceQuestion(BaseQuestion):
    kind: Literal[QuestionKind.MULTIPLE_CHOICE]
    metadata: MultipleChoiceMetadata


class TrueFalseQuestion(BaseQuestion):
    kind: Literal[QuestionKind.TRUE_FALSE]
    metadata: TrueFalseMetadata


class ShortAnswerQuestion(BaseQuestion):
    kind: Literal[QuestionKind.SHORT_ANSWER]
    metadata: ShortAnswerMetadata


class NumericQuestion(BaseQuestion):
    kind: Literal[QuestionKind.NUMERIC]
    metadata: NumericMetadata


class MatchingQuestion(BaseQuestion):
    kind: Literal[QuestionKind.MATCHING]
    metadata: MatchingMetadata


class OrderingQuestion(BaseQuestion):
    kind: Literal[QuestionKind.ORDERING]
    metadata: OrderingMetadata


Question = Annotated[
    SingleChoiceQuestion
    | MultipleChoiceQuestion
    | TrueFalseQuestion
    | ShortAnswerQuestion
    | NumericQuestion
    | MatchingQuestion
    | OrderingQuestion,
    Field(discriminator="kind"),
]
_BY_KIND: Final[dict[QuestionKind, type[BaseQuestion]]] = {
    get_args(question.model_fields["kind"].annotation)[0]: question
    for question in BaseQuestion.__subclasses__()
}
_question: Final[TypeAdapter[Question]] = TypeAdapter(Question)


def metadata_of(kind: QuestionKind) -> Any:  # noqa: ANN401  # a type, for those who describe it
    return _BY_KIND[kind].model_fields["metadata"].annotation


def parse_question(raw: Mapping[str, Any]) -> Question:
    """Validate a question as authored or stored. Raises pydantic.ValidationError."""
    return _question.validate_python(raw)


def answer_key(question: Question) -> dict[str, Any]:
    """Return the whole question as JSON: all that drawing, showing, grading and explaining need.

    `parse_question` reads it back unchanged.
    """
    return question.as_json()


class BaseView(Value):
    """What a learner may know of a question before the feedback policy says more."""

    id: UUID
    prompt: str
    points: Points
    picture: Picture | None = left_out()


class ChoiceView(BaseView):
    kind: Literal[QuestionKind.SINGLE_CHOICE, QuestionKind.MULTIPLE_CHOICE]
    options: tuple[Item, ...]


class EntryView(BaseView):
    """A question that is answered without choosing from anything."""

    kind: Literal[QuestionKind.TRUE_FALSE, QuestionKind.SHORT_ANSWER, QuestionKind.NUMERIC]


class MatchingView(BaseView):
    kind: Literal[QuestionKind.MATCHING]
    left: tuple[Item, ...]
    right: tuple[Item, ...]


class OrderingView(BaseView):
    kind: Literal[QuestionKind.ORDERING]
    items: tuple[Item, ...]


QuestionView = Annotated[
    ChoiceView | EntryView | MatchingView | OrderingView, Field(discriminator="kind")
]


def learner_view(question: Question, seed: str | None = None) -> QuestionView:
    """Show a question without its key.

    The options of a choice come as authored, or shuffled where a seed is given. The right sides of
    a matching question and the items of an ordering question are always shuffled, because authors
    usually write them in the right order.
    """
    shown = {
        "id": question.id,
        "prompt": question.prompt,
        "points": question.points,
        "picture": question.picture,
    }
    salts = (seed or "", question.id)
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            options = question.metadata.options
            ordered = options if seed is None else shuffled(options, *salts)
            return ChoiceView(kind=question.kind, options=ordered, **shown)
        case MatchingQuestion():
            left, right = question.metadata.left, question.metadata.right
            given_away = dict.fromkeys(question.metadata.pairs[item.id] for item in left)
            mixed = shuffled_away(right, tuple(given_away), *salts)
            return MatchingView(kind=question.kind, left=left, right=mixed, **shown)
        case OrderingQuestion():
            mixed = shuffled_away(question.metadata.items, question.metadata.correct, *salts)
            return OrderingView(kind=question.kind, items=mixed, **shown)
        case TrueFalseQuestion() | ShortAnswerQuestion() | NumericQuestion():
            return EntryView(kind=question.kind, **shown)
        case _:
            assert_never(question)
