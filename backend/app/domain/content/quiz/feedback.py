"""Feedback to results and answers, by kind, as authors write it.

It stands beside the options and not in them, so that nothing that is shown can carry it along.
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
    """Give a field a default that is not written, so that older content keeps its bytes."""
    return Field(default, exclude_if=lambda value: not value)


class NumberRange(Value):
    """All numbers no further than `tolerance` from `number`, both ends included."""

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
    """Let the narrowest range that holds an answer speak to it, whatever the order in a file."""
    if len({(entry.number, entry.tolerance) for entry in entries}) < len(entries):
        refuse("duplicate_answer", "Every answer has one feedback.")
    return tuple(sorted(entries, key=lambda entry: (entry.tolerance, entry.number)))


def _in_order_of_answer(entries: tuple[TextFeedback, ...]) -> tuple[TextFeedback, ...]:
    if len({entry.answer for entry in entries}) < len(entries):
        refuse("duplicate_answer", "Every answer has one feedback.")
    return tuple(sorted(entries, key=lambda entry: entry.answer))


class ResultFeedback(Value):
    """`correct` is told for full points, `incorrect` for none."""

    correct: LongText | None = left_out()
    incorrect: LongText | None = left_out()


class ShareFeedback(ResultFeedback):
    """Of kinds that give some of the points: `partly_correct` is told for those."""

    partly_correct: LongText | None = left_out()


FeedbackT = TypeVar("FeedbackT", bound=ResultFeedback)


class SingleChoiceFeedback(ResultFeedback):
    """`options` speaks to those who chose an option, by its id."""

    options: dict[ItemId, LongText] = left_out({})


class MultipleChoiceFeedback(ShareFeedback):
    """`options` speaks to those who chose an option, by its id."""

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
    """`answers` speaks to those who gave an answer, be it right or wrong."""

    answers: TextAnswers = left_out(())


class NumericFeedback(ResultFeedback):
    """`answers` speaks to those who gave an answer, be it right or wrong."""

    answers: NumberAnswers = left_out(())


class MatchingFeedback(ShareFeedback):
    """`pairs` explains pairs, by their left ids."""

    pairs: dict[ItemId, LongText] = left_out({})


def none_if_empty(feedback: FeedbackT | None) -> FeedbackT | None:
    return feedback if feedback is not None and feedback.as_json() else None
