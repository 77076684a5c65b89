"""A learner's answers: validated against the question as it was shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, assert_never
from uuid import UUID

from app.domain.content.quiz.numerals import parse_numeral
from app.domain.content.quiz.questions import (
    ChoiceView,
    EntryView,
    MatchingView,
    OrderingView,
    Question,
    QuestionKind,
    QuestionView,
    learner_view,
)
from app.domain.fields import NumberError, exact_number, is_storable, json_number

MAX_ANSWER_LENGTH: Final = 1_000

Answer = str | bool | Decimal | tuple[str, ...] | dict[str, str] | None
"""By kind: an option's id, option ids, true or false, text, a number, left to right ids, item ids.

None is no answer.
"""


class AnswerError(ValueError):
    """A malformed answer. Neither `code` nor `detail` contains any of it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """`key` is the question id as the client sent it, cut to a sane length."""

    key: str
    code: str
    detail: str


@dataclass(slots=True)
class ParsedAnswers:
    valid: dict[UUID, Answer] = field(default_factory=dict)
    faults: list[AnswerFault] = field(default_factory=list)


def parse_answers(shown: Mapping[UUID, QuestionView], raw: Mapping[str, object]) -> ParsedAnswers:
    """Validate any subset of the answers. A malformed answer does not affect the others."""
    parsed = ParsedAnswers()
    for key, value in raw.items():
        try:
            view = _find(shown, key)
            parsed.valid[view.id] = parse_answer(view, value)
        except AnswerError as error:
            parsed.faults.append(AnswerFault(key[:36], error.code, error.detail))
    return parsed


def _find(shown: Mapping[UUID, QuestionView], key: str) -> QuestionView:
    try:
        return shown[UUID(key)]
    except (ValueError, KeyError):
        raise AnswerError(
            code="unknown_question", detail="This question is not part of the attempt."
        ) from None


def parse_answer(question: Question | QuestionView, raw: object) -> Answer:
    """Validate one answer as api.md's "Answers by kind" has it; null clears. Raises AnswerError."""
    if raw is None:
        return None
    view = (
        question
        if isinstance(question, ChoiceView | EntryView | MatchingView | OrderingView)
        else learner_view(question)
    )
    match view:
        case ChoiceView():
            return _choice(view, raw)
        case MatchingView():
            return _pairs(raw, {item.id for item in view.left}, {item.id for item in view.right})
        case OrderingView():
            return _permutation(raw, {item.id for item in view.items})
        case EntryView():
            return _entry(view, raw)
        case _:
            assert_never(view)


def answer_json(answer: Answer) -> Any:  # noqa: ANN401  # JSON
    """Return the answer as api.md writes it; `parse_answer` reads it back unchanged."""
    match answer:
        case Decimal():
            return json_number(answer)
        case tuple():
            return list(answer)
        case _:
            return answer


def is_blank(answer: Answer) -> bool:
    """Whether nothing was answered: no answer, or an empty text, choice or match."""
    return answer is None or (
        isinstance(answer, str | tuple | dict)
        and not (answer.strip() if isinstance(answer, str) else answer)
    )


def _one_of(raw: object, ids: set[str]) -> str:
    if not isinstance(raw, str):
        raise AnswerError(code="invalid_answer", detail="The id of one option is expected.")
    if raw not in ids:
        raise _unknown_id()
    return raw


def _some_of(raw: object, ids: set[str]) -> tuple[str, ...]:
    if not isinstance(raw, list | tuple) or len(raw) > len(ids):
        raise AnswerError(code="invalid_answer", detail="A list of option ids is expected.")
    chosen = tuple(_one_of(each, ids) for each in raw)
    if len(set(chosen)) < len(chosen):
        raise AnswerError(code="duplicate_id", detail="Every id is named at most once.")
    return chosen


def _permutation(raw: object, ids: set[str]) -> tuple[str, ...]:
    order = _some_of(raw, ids)
    if len(order) < len(ids):
        raise AnswerError(code="not_a_permutation", detail="The order names every item once.")
    return order


def _pairs(raw: object, left: set[str], right: set[str]) -> dict[str, str]:
    if not isinstance(raw, Mapping):
        raise AnswerError(code="invalid_answer", detail="An object of left to right is expected.")
    return {_one_of(key, left): _one_of(value, right) for key, value in raw.items()}


def _choice(view: ChoiceView, raw: object) -> Answer:
    ids = {option.id for option in view.options}
    match view.kind:
        case QuestionKind.SINGLE_CHOICE:
            return _one_of(raw, ids)
        case QuestionKind.MULTIPLE_CHOICE:
            return _some_of(raw, ids)
        case _:
            assert_never(view.kind)


def _entry(view: EntryView, raw: object) -> Answer:
    match view.kind:
        case QuestionKind.TRUE_FALSE:
            return _flag(raw)
        case QuestionKind.NUMERIC:
            return _number(raw)
        case QuestionKind.SHORT_ANSWER:
            return _text(raw)
        case _:
            assert_never(view.kind)


def _flag(raw: object) -> bool:
    if not isinstance(raw, bool):
        raise AnswerError(code="invalid_answer", detail="True or false is expected.")
    return raw


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise AnswerError(code="invalid_answer", detail="A text is expected.")
    if len(raw) > MAX_ANSWER_LENGTH:
        raise AnswerError(
            code="answer_too_long", detail=f"At most {MAX_ANSWER_LENGTH} characters are kept."
        )
    if not is_storable(raw):
        raise AnswerError(code="unstorable_text", detail="The text has forbidden characters.")
    return raw


def _number(raw: object) -> Decimal:
    try:
        return exact_number(parse_numeral(raw) if isinstance(raw, str) else raw)
    except NumberError as error:
        raise AnswerError(error.code, error.detail) from None


def _unknown_id() -> AnswerError:
    return AnswerError(code="unknown_id", detail="The id is not among those that were shown.")
