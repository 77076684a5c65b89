"""Question `metadata` by kind: what an author writes, key included."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import AfterValidator, Field, StrictBool, ValidationInfo, field_validator

from app.domain.content.media.picture import Picture
from app.domain.content.quiz.feedback import (
    MatchingFeedback,
    MultipleChoiceFeedback,
    NumberRange,
    NumericFeedback,
    ShareFeedback,
    ShortAnswerFeedback,
    SingleChoiceFeedback,
    TrueFalseFeedback,
    left_out,
    none_if_empty,
)
from app.domain.fields import (
    ExactNumber,
    ItemId,
    ShortText,
    Value,
    default_number,
    normalise_text,
    refuse,
)

MAX_ITEMS: Final = 50
ITEM_LISTS: Final = ("options", "left", "right", "items")
"""Where the metadata of some kind lists items."""


class QuestionKind(StrEnum):
    SINGLE_CHOICE = "single_choice"
    MULTIPLE_CHOICE = "multiple_choice"
    TRUE_FALSE = "true_false"
    SHORT_ANSWER = "short_answer"
    NUMERIC = "numeric"
    MATCHING = "matching"
    ORDERING = "ordering"


class Item(Value):
    """An option, a side of a match or a thing to put in order. `text` is plain text, not HTML."""

    id: ItemId
    text: ShortText
    picture: Picture | None = left_out()


def _refuse_twins(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if len({item.id for item in items}) < len(items):
        refuse("duplicate_id", "Every id is used once.")
    if len({" ".join(item.text.split()) for item in items}) < len(items):
        refuse("duplicate_text", "Two entries read the same; nobody could tell them apart.")
    return items


ChoiceFeedbackT = TypeVar("ChoiceFeedbackT", SingleChoiceFeedback, MultipleChoiceFeedback)
Items = Annotated[tuple[Item, ...], Field(min_length=2, max_length=MAX_ITEMS)]


def _ids(info: ValidationInfo, field: str) -> frozenset[str] | None:
    """Return the ids in an earlier field, or None where that field is itself at fault."""
    items: Iterable[Item] | None = info.data.get(field)
    return None if items is None else frozenset(item.id for item in items)


def _refuse_strangers(named: Iterable[str], ids: frozenset[str] | None) -> None:
    if ids is not None and not ids.issuperset(named):
        refuse("unknown_id", "Feedback names an entry that does not exist.")


def _speak_of_options(
    feedback: ChoiceFeedbackT | None, info: ValidationInfo
) -> ChoiceFeedbackT | None:
    _refuse_strangers(feedback.options if feedback else (), _ids(info, "options"))
    return feedback


class ChoiceMetadata(Value):
    options: Items
    correct: Annotated[tuple[ItemId, ...], Field(max_length=MAX_ITEMS)]

    _unique_options = field_validator("options")(_refuse_twins)

    @field_validator("correct")
    @classmethod
    def _refer_to_options(cls, correct: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if not correct:
            refuse("nothing_correct", "At least one option is right.")
        if len(set(correct)) < len(correct):
            refuse("duplicate_id", "Every right option is named once.")
        ids = _ids(info, "options")
        if ids is not None and not ids.issuperset(correct):
            refuse("unknown_option", "A right option is not among the options.")
        return correct


class SingleChoiceMetadata(ChoiceMetadata):
    """One option is chosen; where several are `correct`, any one of them has all points."""

    feedback: Annotated[SingleChoiceFeedback | None, AfterValidator(none_if_empty)] = left_out()

    _about_options = field_validator("feedback")(_speak_of_options)


class MultipleChoiceMetadata(ChoiceMetadata):
    feedback: Annotated[MultipleChoiceFeedback | None, AfterValidator(none_if_empty)] = left_out()

    _about_options = field_validator("feedback")(_speak_of_options)


class TrueFalseMetadata(Value):
    correct: StrictBool
    feedback: Annotated[TrueFalseFeedback | None, AfterValidator(none_if_empty)] = left_out()


class ShortAnswerMetadata(Value):
    accepted: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    case_sensitive: StrictBool = False
    feedback: Annotated[ShortAnswerFeedback | None, AfterValidator(none_if_empty)] = left_out()

    def accepts(self, text: str) -> bool:
        return any(self.same(text, accepted) for accepted in self.accepted)

    def same(self, text: str, other: str) -> bool:
        return self._normal(text) == self._normal(other)

    def _normal(self, text: str) -> str:
        return normalise_text(text, case_sensitive=self.case_sensitive)


class NumericMetadata(Value):
    """Right is whatever is no further than `tolerance` from `correct`, both ends included.

    `alternatives` are other numbers that are fully right, each with a tolerance of its own.
    """

    correct: ExactNumber
    tolerance: Annotated[ExactNumber, Field(ge=0)] = default_number("0")
    alternatives: Annotated[tuple[NumberRange, ...], Field(max_length=MAX_ITEMS)] = left_out(())
    feedback: Annotated[NumericFeedback | None, AfterValidator(none_if_empty)] = left_out()

    @property
    def right(self) -> tuple[NumberRange, ...]:
        return NumberRange(number=self.correct, tolerance=self.tolerance), *self.alternatives

    def accepts(self, number: Decimal) -> bool:
        return any(each.holds(number) for each in self.right)


class MatchingMetadata(Value):
    """`pairs` maps every left id to its right id; a right side may serve several or none."""

    left: Items
    right: Items
    pairs: dict[ItemId, ItemId]
    feedback: Annotated[MatchingFeedback | None, AfterValidator(none_if_empty)] = left_out()

    _unique_items = field_validator("left", "right")(_refuse_twins)

    @field_validator("pairs")
    @classmethod
    def _cover_left(cls, pairs: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        left, right = _ids(info, "left"), _ids(info, "right")
        if left is not None and left != pairs.keys():
            refuse("incomplete_pairs", "Every left side, and nothing else, has its pair.")
        if right is not None and not right.issuperset(pairs.values()):
            refuse("unknown_pair", "A pair names a right side that does not exist.")
        return pairs

    @field_validator("feedback")
    @classmethod
    def _speak_of_pairs(
        cls, feedback: MatchingFeedback | None, info: ValidationInfo
    ) -> MatchingFeedback | None:
        _refuse_strangers(feedback.pairs if feedback else (), _ids(info, "left"))
        return feedback


class OrderingMetadata(Value):
    items: Items
    correct: Annotated[tuple[ItemId, ...], Field(max_length=MAX_ITEMS)]
    feedback: Annotated[ShareFeedback | None, AfterValidator(none_if_empty)] = left_out()

    _unique_items = field_validator("items")(_refuse_twins)

    @field_validator("correct")
    @classmethod
    def _permute_items(cls, correct: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        ids = _ids(info, "items")
        if ids is not None and (len(correct) != len(ids) or ids != set(correct)):
            refuse("not_a_permutation", "The right order names every item exactly once.")
        return correct


Metadata = (
    SingleChoiceMetadata
    | MultipleChoiceMetadata
    | TrueFalseMetadata
    | ShortAnswerMetadata
    | NumericMetadata
    | MatchingMetadata
    | OrderingMetadata
)
