"""Moodle XML: writing, so that `parse_moodle_xml` gives the same questions back."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from app.domain.content.quiz.feedback import ResultFeedback
from app.domain.content.quiz.metadata import Item, NumericMetadata, ShortAnswerMetadata
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
from app.integrations.question_bank.bank import (
    NAME_LENGTH,
    Exported,
    export_each,
    option_weight,
    plain_number,
    told_answers,
    told_numbers,
)
from app.integrations.question_bank.moodle_xml import RESULT_TAGS
from app.integrations.question_bank.pictures import written_pictures

_TYPES: Final = {
    QuestionKind.SINGLE_CHOICE: "multichoice",
    QuestionKind.MULTIPLE_CHOICE: "multichoice",
    QuestionKind.TRUE_FALSE: "truefalse",
    QuestionKind.SHORT_ANSWER: "shortanswer",
    QuestionKind.NUMERIC: "numerical",
    QuestionKind.MATCHING: "matching",
    QuestionKind.ORDERING: "ordering",
}


def write_moodle_xml(questions: Iterable[Question]) -> Exported:
    written, not_carried = export_each(questions, _question, _category)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<quiz>", *written, "</quiz>", ""]
    return Exported("\n".join(lines).encode(), not_carried)


def _category(path: str) -> str:
    text = f"<category><text>{escape(path)}</text></category>"
    return f'  <question type="category">{text}</question>'


def _question(question: Question) -> str:
    return "\n".join(
        [
            f'  <question type="{_TYPES[question.kind]}">',
            f"    {_name(question)}",
            f"    {_text('questiontext', question.prompt)}",
            f"    {_text('generalfeedback', question.explanation or '')}",
            f"    <defaultgrade>{plain_number(question.points)}</defaultgrade>",
            f"    <idnumber>{question.id}</idnumber>",
            *(f"    {line}" for line in _results(question)),
            *(f"    {line}" for line in _parts(question)),
            *(f"    {line}" for line in _tags(question)),
            *(f"    {line}" for line in _pictures(question)),
            "  </question>",
        ]
    )


def _name(question: Question) -> str:
    """Return a name, which Moodle requires. One made of the prompt is marked for our reader."""
    derived = "" if question.name else ' derived="true"'
    name = question.name or " ".join(question.prompt.split())[:NAME_LENGTH]
    return f"<name{derived}><text>{escape(name)}</text></name>"


def _results(question: Question) -> Iterator[str]:
    told = question.metadata.feedback.as_json() if question.metadata.feedback else {}
    if isinstance(question, ShortAnswerQuestion | NumericQuestion):
        told.pop("incorrect", None)  # there it is told to `*`
    for result, tag in RESULT_TAGS.items():
        if result in told:
            yield _text(tag, told[result])


def _tags(question: Question) -> Iterator[str]:
    if question.tags:
        tags = "".join(f"<tag><text>{escape(tag)}</text></tag>" for tag in question.tags)
        yield f"<tags>{tags}</tags>"


def _pictures(question: Question) -> Iterator[str]:
    if pictures := written_pictures(question):
        yield f"<pictures>{escape(pictures)}</pictures>"


def _parts(question: Question) -> Iterator[str]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            yield from _choices(question)
        case TrueFalseQuestion():
            told = dict(question.metadata.feedback.options) if question.metadata.feedback else {}
            for value in ("true", "false"):
                fraction = "100" if value == str(question.metadata.correct).lower() else "0"
                yield _answer(value, fraction, told=told.get(value))
        case ShortAnswerQuestion():
            yield from _shorts(question.metadata)
        case NumericQuestion():
            yield from _numbers(question.metadata)
        case MatchingQuestion():
            yield from _subquestions(question)
        case OrderingQuestion():
            yield "<gradingtype>ABSOLUTE_POSITION</gradingtype>"
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
    told = question.metadata.feedback.options if question.metadata.feedback else {}
    for option in question.metadata.options:
        right = option.id in question.metadata.correct
        fraction = weight if right else wrong
        yield _answer(option.text, fraction, option.id, told=told.get(option.id))


def _shorts(metadata: ShortAnswerMetadata) -> Iterator[str]:
    yield f"<usecase>{int(metadata.case_sensitive)}</usecase>"
    told = {each.answer: each.feedback for each in told_answers(metadata.feedback)}
    for text in metadata.accepted:
        yield _answer(_literal(text), "100", told=told.pop(text, None))
    for text, feedback in told.items():
        yield _answer(_literal(text), "0", told=feedback)
    yield from _otherwise(metadata.feedback)


def _literal(text: str) -> str:
    return text.replace("*", r"\*")


def _numbers(metadata: NumericMetadata) -> Iterator[str]:
    answers = told_numbers(metadata.feedback)
    told = {(each.number, each.tolerance): each.feedback for each in answers}
    for right in metadata.right:
        number, width = right.number, right.tolerance
        yield _number(number, width, "100", told.pop((number, width), None))
    for (number, width), feedback in told.items():
        yield _number(number, width, "0", feedback)
    yield from _otherwise(metadata.feedback)


def _number(number: Decimal, width: Decimal, fraction: str, told: str | None) -> str:
    tolerance = f"<tolerance>{plain_number(width)}</tolerance>"
    return _answer(plain_number(number), fraction, extra=tolerance, told=told)


def _otherwise(feedback: ResultFeedback | None) -> Iterator[str]:
    if feedback and feedback.incorrect:
        yield _answer("*", "0", told=feedback.incorrect)


def _subquestions(question: MatchingQuestion) -> Iterator[str]:
    metadata = question.metadata
    right = {item.id: item for item in metadata.right}
    told = metadata.feedback.pairs if metadata.feedback else {}
    for item in metadata.left:
        matched = right[metadata.pairs[item.id]]
        yield _subquestion(item, matched, told.get(item.id))
    for item in metadata.right:
        if item.id not in metadata.pairs.values():
            yield _subquestion(None, item)


def _subquestion(left: Item | None, right: Item, told: str | None = None) -> str:
    left_id, left_text = (_id(left.id), escape(left.text)) if left else ("", "")
    return (
        f'<subquestion format="plain_text"{left_id}><text>{left_text}</text>'
        f'<answer format="plain_text"{_id(right.id)}><text>{escape(right.text)}</text></answer>'
        f"{_said(told)}</subquestion>"
    )


def _answer(
    text: str, fraction: str, item_id: str = "", extra: str = "", told: str | None = None
) -> str:
    return (
        f'<answer fraction="{fraction}" format="plain_text"{_id(item_id)}>'
        f"<text>{escape(text)}</text>{extra}{_said(told)}</answer>"
    )


def _said(text: str | None) -> str:
    return _text("feedback", text) if text else ""


def _id(item_id: str) -> str:
    return f" id={quoteattr(item_id)}" if item_id else ""


def _text(tag: str, text: str) -> str:
    return f'<{tag} format="plain_text"><text>{escape(text)}</text></{tag}>'
