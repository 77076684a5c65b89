"""Moodle XML: writing, so that `parse_moodle_xml` gives the same questions back."""

from collections.abc import Iterable, Iterator
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from app.domain.content.quiz.questions import (
    MatchingQuestion,
    MultipleChoiceQuestion,
    NumericQuestion,
    OrderingQuestion,
    Question,
    QuestionKind,
    ShortAnswerQuestion,
    SingleChoiceQuestion,
    TrueFalseQuestion,
)
from app.integrations.question_bank.bank import Exported, export_each, option_weight, plain_number

_TYPES: Final = {
    QuestionKind.SINGLE_CHOICE: "multichoice",
    QuestionKind.MULTIPLE_CHOICE: "multichoice",
    QuestionKind.TRUE_FALSE: "truefalse",
    QuestionKind.SHORT_ANSWER: "shortanswer",
    QuestionKind.NUMERIC: "numerical",
    QuestionKind.MATCHING: "matching",
    QuestionKind.ORDERING: "ordering",
}
_NAME_LENGTH: Final = 60


def write_moodle_xml(questions: Iterable[Question]) -> Exported:
    written, not_carried = export_each(questions, _question)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>", *written, "</quiz>", ""]
    return Exported("\n".join(lines).encode(), not_carried)


def _question(question: Question) -> str:
    name = " ".join(question.prompt.split())[:_NAME_LENGTH]
    return "\n".join(
        [
            f'  <question type="{_TYPES[question.kind]}">',
            f"    <name><text>{escape(name)}</text></name>",
            f"    {_text('questiontext', question.prompt)}",
            f"    {_text('generalfeedback', question.explanation or '')}",
            f"    <defaultgrade>{plain_number(question.points)}</defaultgrade>",
            f"    <idnumber>{question.id}</idnumber>",
            *(f"    {line}" for line in _parts(question)),
            "  </question>",
        ]
    )


def _parts(question: Question) -> Iterator[str]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            yield from _choices(question)
        case TrueFalseQuestion():
            for value in (True, False):
                fraction = "100" if value is question.metadata.correct else "0"
                yield _answer(str(value).lower(), fraction)
        case ShortAnswerQuestion():
            yield f"<usecase>{int(question.metadata.case_sensitive)}</usecase>"
            for text in question.metadata.accepted:
                yield _answer(text.replace("*", r"\*"), "100")
        case NumericQuestion():
            tolerance = f"<tolerance>{plain_number(question.metadata.tolerance)}</tolerance>"
            yield _answer(plain_number(question.metadata.correct), "100", extra=tolerance)
        case MatchingQuestion():
            yield from _subquestions(question)
        case OrderingQuestion():
            item_of = {item.id: item for item in question.metadata.items}
            for place, item_id in enumerate(question.metadata.correct, start=1):
                yield _answer(item_of[item_id].text, str(place), item_id)


def _choices(question: SingleChoiceQuestion | MultipleChoiceQuestion) -> Iterator[str]:
    single, weight, wrong = "true", "100", "0"
    if isinstance(question, MultipleChoiceQuestion):
        single, weight = "false", option_weight(question)
        wrong = f"-{weight}"
    yield f"<single>{single}</single>"
    yield "<shuffleanswers>true</shuffleanswers>"
    for option in question.metadata.options:
        right = option.id in question.metadata.correct
        yield _answer(option.text, weight if right else wrong, option.id)


def _subquestions(question: MatchingQuestion) -> Iterator[str]:
    metadata = question.metadata
    right = {item.id: item for item in metadata.right}
    for item in metadata.left:
        matched = right[metadata.pairs[item.id]]
        yield _subquestion(item.text, item.id, matched.text, matched.id)
    for item in metadata.right:
        if item.id not in metadata.pairs.values():
            yield _subquestion("", "", item.text, item.id)


def _subquestion(left: str, left_id: str, right: str, right_id: str) -> str:
    return (
        f'<subquestion format="plain_text"{_id(left_id)}><text>{escape(left)}</text>'
        f'<answer format="plain_text"{_id(right_id)}><text>{escape(right)}</text></answer>'
        "</subquestion>"
    )


def _answer(text: str, fraction: str, item_id: str = "", extra: str = "") -> str:
    return (
        f'<answer fraction="{fraction}" format="plain_text"{_id(item_id)}>'
        f"<text>{escape(text)}</text>{extra}</answer>"
    )


def _id(item_id: str) -> str:
    return f" id={quoteattr(item_id)}" if item_id else ""


def _text(tag: str, text: str) -> str:
    return f'<{tag} format="plain_text"><text>{escape(text)}</text></{tag}>'
