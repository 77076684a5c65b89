"""GIFT: writing, so that `parse_gift` gives the same questions back."""

import json
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from app.domain.content.quiz.metadata import (
    Item,
    NumericMetadata,
    ShortAnswerMetadata,
    TrueFalseMetadata,
)
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
    told_answers,
    told_numbers,
)
from app.integrations.question_bank.gift import ESCAPED
from app.integrations.question_bank.pictures import written_pictures

_IN_TAG: Final = r"[\]\\]"
_AFTER_SLASH: Final = r"\\\g<0>"
_ESCAPES: Final = str.maketrans(
    {char: f"\\{char}" for char in ESCAPED if char != "n"} | {"\n": "\\n"}
)


def write_gift(questions: Iterable[Question]) -> Exported:
    """Write a GIFT file. GIFT has no ordering questions; they are reported."""
    written, not_carried = export_each(questions, _question, "$CATEGORY: {}\n".format)
    return Exported("\n".join(written).encode(), not_carried)


def _question(question: Question) -> str:
    title = f"::{_escaped(question.name)}::" if question.name else ""
    answers = _answers(question)
    lines = [_hints(question), f"{title}[plain]{_escaped(question.prompt)} {{", *answers]
    if question.explanation:
        lines.append(f"####{_guarded(question.explanation)}")
    return "\n".join([*lines, "}", ""])


def _hints(question: Question) -> str:
    hints = [f"[id:{question.id}]", f"[points:{plain_number(question.points)}]"]
    if ids := item_ids(question):
        hints.append(f"[ids:{' '.join(ids)}]")
    if isinstance(question, ShortAnswerQuestion) and question.metadata.case_sensitive:
        hints.append("[case:sensitive]")
    if told := _told_by_hint(question):
        hints.append(_hint("feedback", json.dumps(told, ensure_ascii=False)))
    if pictures := written_pictures(question):
        hints.append(_hint("pictures", pictures))
    hints += [f"[tag:{re.sub(_IN_TAG, _AFTER_SLASH, tag)}]" for tag in question.tags]
    return f"// {' '.join(hints)}"


def _hint(name: str, text: str) -> str:
    unbracketed = text.replace("[", "\\u005b").replace("]", "\\u005d")
    return f"[{name}:{unbracketed}]"


def _told_by_hint(question: Question) -> dict[str, Any]:
    """Return the feedback that GIFT cannot express and that goes into a comment."""
    told = question.metadata.feedback.as_json() if question.metadata.feedback else {}
    if isinstance(question, ShortAnswerQuestion | NumericQuestion):
        told.pop("incorrect", None)
    return {name: text for name, text in told.items() if name not in {"options", "answers"}}


def _answers(question: Question) -> list[str]:
    match question:
        case SingleChoiceQuestion():
            if len(question.metadata.correct) == len(question.metadata.options):
                raise UnsupportedError("all_right", "GIFT needs a wrong option to choose from.")
            right = question.metadata.correct
            return [
                f"{'=' if option.id in right else '~'}{_option(question, option)}"
                for option in question.metadata.options
            ]
        case MultipleChoiceQuestion():
            return _weighted(question)
        case TrueFalseQuestion():
            return [_truth(question.metadata)]
        case ShortAnswerQuestion():
            return _shorts(question.metadata)
        case NumericQuestion():
            return ["#", *_numbers(question.metadata)]
        case MatchingQuestion():
            return _pairs(question)
        case OrderingQuestion():
            raise UnsupportedError(code="ordering_unsupported", detail="GIFT has no ordering.")


def _option(question: SingleChoiceQuestion | MultipleChoiceQuestion, option: Item) -> str:
    told = question.metadata.feedback.options if question.metadata.feedback else {}
    return _guarded(option.text) + _said(told.get(option.id))


def _weighted(question: MultipleChoiceQuestion) -> list[str]:
    weight = option_weight(question)
    return [
        f"~%{'' if option.id in question.metadata.correct else '-'}{weight}%"
        f"{_option(question, option)}"
        for option in question.metadata.options
    ]


def _truth(metadata: TrueFalseMetadata) -> str:
    """Write `TRUE#feedback on a wrong answer#feedback on a right answer`."""
    options = metadata.feedback.options if metadata.feedback else {}
    told = {str(answer): text for answer, text in options.items()}
    right = str(metadata.correct).lower()
    wrong = str(not metadata.correct).lower()
    spoken = f"#{_guarded(told.get(wrong, ''))}{_said(told.get(right))}" if told else ""
    return f"{right.upper()}{spoken}"


def _shorts(metadata: ShortAnswerMetadata) -> list[str]:
    told = {each.answer: each.feedback for each in told_answers(metadata.feedback)}
    lines = [f"={_short(text)}{_said(told.pop(text, None))}" for text in metadata.accepted]
    lines += [f"=%0%{_short(text)}{_said(feedback)}" for text, feedback in told.items()]
    if metadata.feedback and metadata.feedback.incorrect:
        lines.append(f"=%0%*{_said(metadata.feedback.incorrect)}")
    _refuse_arrow("".join(lines))
    return lines


def _numbers(metadata: NumericMetadata) -> list[str]:
    answers = told_numbers(metadata.feedback)
    told = {(each.number, each.tolerance): each.feedback for each in answers}
    lines = [
        f"={_range(*right)}{_said(told.pop(right, None))}"
        for right in ((each.number, each.tolerance) for each in metadata.right)
    ]
    lines += [f"=%0%{_range(*about)}{_said(feedback)}" for about, feedback in told.items()]
    if metadata.feedback and metadata.feedback.incorrect:
        lines.append(f"~{_said(metadata.feedback.incorrect)}")
    return lines


def _range(number: Decimal, tolerance: Decimal) -> str:
    return f"{plain_number(number)}:{plain_number(tolerance)}"


def _pairs(question: MatchingQuestion) -> list[str]:
    return [f"={_without_arrow(left)} -> {_guarded(right)}" for left, right in match_rows(question)]


def _said(feedback: str | None) -> str:
    return f"#{_guarded(feedback)}" if feedback else ""


def _short(text: str) -> str:
    return _guarded(text.replace("*", r"\*"))


def _without_arrow(text: str) -> str:
    _refuse_arrow(text)
    return _guarded(text)


def _refuse_arrow(text: str) -> None:
    if "->" in text:
        raise UnsupportedError(code="arrow_unsupported", detail="GIFT reads -> as a pair.")


def _guarded(text: str) -> str:
    """Escape text, and keep its start from being read as a weight or a format."""
    return f"{'[plain]' if text.startswith(('%', '[')) else ''}{_escaped(text)}"


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)
