"""GIFT: writing, so that `parse_gift` gives the same questions back."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from app.domain.quiz.exchange.bank import (
    Exported,
    UnsupportedError,
    export_each,
    item_ids,
)
from app.domain.quiz.exchange.gift import ESCAPED
from app.domain.quiz.questions import (
    MatchingQuestion,
    MultipleChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Question,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    TrueFalseQuestion,
)

_ESCAPES: Final = str.maketrans(
    {char: f"\\{char}" for char in ESCAPED if char != "n"} | {"\n": "\\n"}
)
_HUNDREDTH_OF_A_THOUSANDTH: Final = Decimal("0.00001")


def write_gift(questions: Iterable[Question]) -> Exported:
    """Write a GIFT file. GIFT has no ordering questions; they are reported."""
    written, not_carried = export_each(questions, _question)
    return Exported("\n".join(written).encode(), not_carried)


def _question(question: Question) -> str:
    lines = [_hints(question), f"[plain]{_escaped(question.prompt)} {{", *_answers(question)]
    if question.explanation:
        lines.append(f"####{_guarded(question.explanation)}")
    return "\n".join([*lines, "}", ""])


def _hints(question: Question) -> str:
    hints = [f"[id:{question.id}]", f"[points:{_number(question.points)}]"]
    if ids := _item_ids(question):
        hints.append(f"[ids:{' '.join(ids)}]")
    if isinstance(question, ShortAnswerQuestion) and question.metadata.case_sensitive:
        hints.append("[case:sensitive]")
    return f"// {' '.join(hints)}"


def _item_ids(question: Question) -> tuple[str, ...]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            return item_ids(question.metadata.options)
        case MatchingQuestion():
            right = {item.id: item for item in question.metadata.right}
            matched = [question.metadata.pairs[item.id] for item in question.metadata.left]
            in_order_of_mention = dict.fromkeys([*matched, *right])
            return item_ids(question.metadata.left) + tuple(in_order_of_mention)
        case _:
            return ()


def _answers(question: Question) -> list[str]:
    match question:
        case SingleChoiceQuestion():
            correct = question.metadata.correct[0]
            return [
                f"{'=' if option.id == correct else '~'}{_guarded(option.text)}"
                for option in question.metadata.options
            ]
        case MultipleChoiceQuestion():
            return _weighted(question)
        case TrueFalseQuestion():
            return ["TRUE" if question.metadata.correct else "FALSE"]
        case ShortAnswerQuestion():
            return [f"={_short(text)}" for text in question.metadata.accepted]
        case NumericQuestion():
            metadata = question.metadata
            return [f"#{_number(metadata.correct)}:{_number(metadata.tolerance)}"]
        case MatchingQuestion():
            return _pairs(question)
        case OrderingQuestion():
            raise UnsupportedError(code="ordering_unsupported", detail="GIFT has no ordering.")


def _weighted(question: MultipleChoiceQuestion) -> list[str]:
    """Weigh as we grade: each right option its share, each wrong one as much less."""
    correct: Sequence[str] = question.metadata.correct
    share = _number((Decimal(100) / len(correct)).quantize(_HUNDREDTH_OF_A_THOUSANDTH))
    return [
        f"~%{'' if option.id in correct else '-'}{share}%{_guarded(option.text)}"
        for option in question.metadata.options
    ]


def _pairs(question: MatchingQuestion) -> list[str]:
    metadata = question.metadata
    text_of = {item.id: item.text for item in metadata.right}
    pairs = [
        f"={_without_arrow(item.text)} -> {_guarded(text_of[metadata.pairs[item.id]])}"
        for item in metadata.left
    ]
    unmatched = [item for item in metadata.right if item.id not in metadata.pairs.values()]
    return pairs + [f"= -> {_guarded(item.text)}" for item in unmatched]


def _short(text: str) -> str:
    return _without_arrow(text.replace("*", r"\*"))


def _without_arrow(text: str) -> str:
    if "->" in text:
        raise UnsupportedError(code="arrow_unsupported", detail="GIFT reads -> as a pair.")
    return _guarded(text)


def _guarded(text: str) -> str:
    """Escape text, and keep its start from being read as a weight or a format."""
    return f"{'[plain]' if text.startswith(('%', '[')) else ''}{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _number(number: Decimal) -> str:
    return f"{number.normalize():f}"
