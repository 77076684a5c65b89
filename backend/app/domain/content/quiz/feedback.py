"""The feedback that authors write for results and answers, one class for each kind of question.

It is kept apart from the options, because those are shown to learners before they answer.
"""

from fractions import Fraction
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import AfterValidator, Field

from app.domain.fields import (
    ExactNumber,
    ItemId,
    LongText,
    ShortText,
    Value,
    default_number,
    refuse,
)

MAX_ENTRIES: Final = 50


def left_out(default: Any = None) -> Any:  # noqa: ANN401  # as pydantic.Field
    """Make a field that is left out of the JSON while it is empty.

    Content written before the field existed thus keeps the same bytes, and the same hash.
    """
    return Field(default, exclude_if=lambda value: not value)


class NumberRange(Value):
    """The numbers from `number` - `tolerance` to `number` + `tolerance`, both included."""

    number: ExactNumber
    tolerance: Annotated[ExactNumber, Field(ge=0)] = default_number("0")

    def holds(self, number: Any) -> bool:  # noqa: ANN401  # a number of any type
        return abs(Fraction(number) - Fraction(self.number)) <= Fraction(self.tolerance)


class NumberFeedback(NumberRange):
    feedback: LongText


class TextFeedback(Value):
    answer: ShortText
    feedback: LongText


def _in_order_of_width(entries: tuple[NumberFeedback, ...]) -> tuple[NumberFeedback, ...]:
    """Sort by tolerance, since the first range that contains an answer gives the feedback.

    So the narrowest range wins, in whatever order an imported file lists them.
    """
    if len({(entry.number, entry.tolerance) for entry in entries}) < len(entries):
        refuse("duplicate_answer", "Every answer has one feedback.")
    return tuple(sorted(entries, key=lambda entry: (entry.tolerance, entry.number)))


def _in_order_of_answer(entries: tuple[TextFeedback, ...]) -> tuple[TextFeedback, ...]:
    if len({entry.answer for entry in entries}) < len(entries):
        refuse("duplicate_answer", "Every answer has one feedback.")
    return tuple(sorted(entries, key=lambda entry: entry.answer))


class ResultFeedback(Value):
    """`correct` is shown for full points, `incorrect` for none."""

    correct: LongText | None = left_out()
    incorrect: LongText | None = left_out()


class ShareFeedback(ResultFeedback):
    """For kinds of question that can give some of the points: `partly_correct` is shown then."""

    partly_correct: LongText | None = left_out()


FeedbackT = TypeVar("FeedbackT", bound=ResultFeedback)


class SingleChoiceFeedback(ResultFeedback):
    """`options` holds, by the id of an option, the feedback to people who chose it."""

    options: dict[ItemId, LongText] = left_out({})


class MultipleChoiceFeedback(ShareFeedback):
    """`options` holds, by the id of an option, the feedback to people who chose it."""

    options: dict[ItemId, LongText] = left_out({})


class TrueFalseFeedback(ResultFeedback):
    options: dict[Literal["true", "false"], LongText] = left_out({})


TextAnswers = Annotated[
    tuple[TextFeedback, ...], Field(max_length=MAX_ENTRIES), AfterValidator(_in_order_of_answer)
]
NumberAnswers = Annotated[
    tuple[NumberFeedback, ...], Field(max_length=MAX_ENTRIES), AfterValidator(_in_order_of_width)
]


class ShortAnswerFeedback(ResultFeedback):
    """`answers` holds the feedback to certain answers, which may be right or wrong."""

    answers: TextAnswers = left_out(())


class NumericFeedback(ResultFeedback):
    """`answers` holds the feedback to certain answers, which may be right or wrong."""

    answers: NumberAnswers = left_out(())


class MatchingFeedback(ShareFeedback):
    """`pairs` holds an explanation of a pair, by the id of its left side."""

    pairs: dict[ItemId, LongText] = left_out({})


def none_if_empty(feedback: FeedbackT | None) -> FeedbackT | None:
    return feedback if feedback is not None and feedback.as_json() else None
