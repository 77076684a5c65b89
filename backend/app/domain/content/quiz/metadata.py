"""Question `metadata` by kind: what an author writes, key included."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Final

from pydantic import Field, StrictBool, ValidationInfo, field_validator

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


def _refuse_twins(items: tuple[Item, ...]) -> tuple[Item, ...]:
    if len({item.id for item in items}) < len(items):
        refuse("duplicate_id", "Every id is used once.")
    if len({" ".join(item.text.split()) for item in items}) < len(items):
        refuse("duplicate_text", "Two entries read the same; nobody could tell them apart.")
    return items


Items = Annotated[tuple[Item, ...], Field(min_length=2, max_length=MAX_ITEMS)]


def _ids(info: ValidationInfo, field: str) -> frozenset[str] | None:
    """Return the ids in an earlier field, or None where that field is itself at fault."""
    items: Iterable[Item] | None = info.data.get(field)
    return None if items is None else frozenset(item.id for item in items)


class ChoiceMetadata(Value):
    options: Items
    correct: Annotated[tuple[ItemId, ...], Field(max_length=MAX_ITEMS)]

    _unique_options = field_validator("options")(_refuse_twins)

    @field_validator("correct")
    @classmethod
    def _refer_to_options(cls, correct: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if len(set(correct)) < len(correct):
            refuse("duplicate_id", "Every right option is named once.")
        ids = _ids(info, "options")
        if ids is not None and not ids.issuperset(correct):
            refuse("unknown_option", "A right option is not among the options.")
        return correct


class SingleChoiceMetadata(ChoiceMetadata):
    @field_validator("correct")
    @classmethod
    def _exactly_one(cls, correct: tuple[str, ...]) -> tuple[str, ...]:
        if len(correct) != 1:
            refuse("exactly_one_correct", "Exactly one option is right.")
        return correct


class MultipleChoiceMetadata(ChoiceMetadata):
    @field_validator("correct")
    @classmethod
    def _at_least_one(cls, correct: tuple[str, ...]) -> tuple[str, ...]:
        if not correct:
            refuse("nothing_correct", "At least one option is right.")
        return correct


class TrueFalseMetadata(Value):
    correct: StrictBool


class ShortAnswerMetadata(Value):
    accepted: Annotated[tuple[ShortText, ...], Field(min_length=1, max_length=MAX_ITEMS)]
    case_sensitive: StrictBool = False

    def accepts(self, text: str) -> bool:
        given = normalise_text(text, case_sensitive=self.case_sensitive)
        return any(
            given == normalise_text(accepted, case_sensitive=self.case_sensitive)
            for accepted in self.accepted
        )


class NumericMetadata(Value):
    """Right is whatever is no further than `tolerance` from `correct`, both ends included."""

    correct: ExactNumber
    tolerance: Annotated[ExactNumber, Field(ge=0)] = default_number("0")

    def accepts(self, number: Decimal) -> bool:
        return abs(Fraction(number) - Fraction(self.correct)) <= Fraction(self.tolerance)


class MatchingMetadata(Value):
    """`pairs` maps every left id to its right id; a right side may serve several or none."""

    left: Items
    right: Items
    pairs: dict[ItemId, ItemId]

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


class OrderingMetadata(Value):
    items: Items
    correct: Annotated[tuple[ItemId, ...], Field(max_length=MAX_ITEMS)]

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
