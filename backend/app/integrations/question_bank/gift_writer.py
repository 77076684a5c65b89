"""GIFT: writing, so that `parse_gift` gives the same questions back."""

from collections.abc import Iterable
from typing import Final

from app.domain.content.quiz.questions import (
    MatchingQuestion,
    MultipleChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Question,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    TrueFalseQuestion,
)
from app.integrations.question_bank.bank import (
    Exported,
    UnsupportedError,
    export_each,
    item_ids,
    match_rows,
    option_weight,
    plain_number,
)
from app.integrations.question_bank.gift import ESCAPED

_ESCAPES: Final = str.maketrans(
    {char: f"\\{char}" for char in ESCAPED if char != "n"} | {"\n": "\\n"}
)


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
    hints = [f"[id:{question.id}]", f"[points:{plain_number(question.points)}]"]
    if ids := item_ids(question):
        hints.append(f"[ids:{' '.join(ids)}]")
    if isinstance(question, ShortAnswerQuestion) and question.metadata.case_sensitive:
        hints.append("[case:sensitive]")
    return f"// {' '.join(hints)}"


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
            return [f"#{plain_number(metadata.correct)}:{plain_number(metadata.tolerance)}"]
        case MatchingQuestion():
            return _pairs(question)
        case OrderingQuestion():
            raise UnsupportedError(code="ordering_unsupported", detail="GIFT has no ordering.")


def _weighted(question: MultipleChoiceQuestion) -> list[str]:
    weight = option_weight(question)
    return [
        f"~%{'' if option.id in question.metadata.correct else '-'}{weight}%{_guarded(option.text)}"
        for option in question.metadata.options
    ]


def _pairs(question: MatchingQuestion) -> list[str]:
    return [f"={_without_arrow(left)} -> {_guarded(right)}" for left, right in match_rows(question)]


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
