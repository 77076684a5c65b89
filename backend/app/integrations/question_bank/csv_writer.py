"""Writes CSV for spreadsheets, so that `parse_csv` gives the same questions back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from app.core.files.csv_form import csv_lines, csv_start
from app.core.files.spreadsheet import inert
from app.domain.content.quiz.feedback import NumberRange
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
    item_ids,
    match_rows,
    plain_number,
    told_answers,
    told_numbers,
)
from app.integrations.question_bank.csv_format import COLUMNS, NUMBERED, PICTURES, RESULT_COLUMNS
from app.integrations.question_bank.pictures import written_pictures

FEWEST_OPTIONS: Final = 4


def write_csv(questions: Iterable[Question]) -> Exported:
    rows = [_row(question) for question in questions]
    header = _columns(frozenset(column for row in rows for column in row))
    lines = csv_lines([row.get(column, "") for column in header] for row in rows)
    return Exported((csv_start(header) + lines).encode())


def _columns(used: frozenset[str]) -> list[str]:
    """Return the columns that the rows need; there is room to write more options."""
    numbered = [found for found in map(NUMBERED.fullmatch, used) if found]
    spoken = max((int(found[2]) for found in numbered if found[1] == "feedback"), default=0)
    most = max([FEWEST_OPTIONS, *(int(found[2]) for found in numbered)])
    return [
        *COLUMNS,
        *(column for column in (PICTURES, *RESULT_COLUMNS) if column in used),
        *(f"option_{number}" for number in range(1, most + 1)),
        *(f"match_{number}" for number in range(1, most + 1)),
        *(f"feedback_{number}" for number in range(1, spoken + 1)),
    ]


def _row(question: Question) -> dict[str, str]:
    return {
        "id": str(question.id),
        "kind": question.kind,
        "prompt": inert(question.prompt),
        "points": plain_number(question.points),
        "explanation": inert(question.explanation or ""),
        "name": inert(question.name or ""),
        "category": inert(question.category or ""),
        "tags": inert("; ".join(question.tags)),
        "item_ids": inert(" ".join(item_ids(question))),
        **_answer_cells(question),
        **_result_cells(question),
        **_picture_cell(question),
        **_cells("feedback", _told(question)),
    }


def _result_cells(question: Question) -> dict[str, str]:
    told = question.metadata.feedback.as_json() if question.metadata.feedback else {}
    return {
        column: inert(told[result]) for column, result in RESULT_COLUMNS.items() if result in told
    }


def _picture_cell(question: Question) -> dict[str, str]:
    pictures = written_pictures(question)
    return {PICTURES: inert(pictures)} if pictures else {}


def _told(question: Question) -> Iterator[str]:
    """Yield the feedback to options, pairs and answers, in the order of their columns."""
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            told = question.metadata.feedback.options if question.metadata.feedback else {}
            yield from (told.get(option.id, "") for option in question.metadata.options)
        case TrueFalseQuestion():
            decided = dict(question.metadata.feedback.options) if question.metadata.feedback else {}
            yield from (decided.get(answer, "") for answer in ("true", "false"))
        case MatchingQuestion():
            told = question.metadata.feedback.pairs if question.metadata.feedback else {}
            yield from (told.get(item.id, "") for item in question.metadata.left)
        case ShortAnswerQuestion():
            yield from (each.feedback for each in told_answers(question.metadata.feedback))
        case NumericQuestion():
            yield from (each.feedback for each in told_numbers(question.metadata.feedback))
        case OrderingQuestion():
            pass


def _answer_cells(question: Question) -> Mapping[str, str]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            options = question.metadata.options
            places = [str(n) for n, each in enumerate(options, 1) if each.id in _correct(question)]
            return {"correct": ";".join(places), **_cells("option", (o.text for o in options))}
        case TrueFalseQuestion():
            return {"correct": str(question.metadata.correct).lower()}
        case ShortAnswerQuestion():
            answers = told_answers(question.metadata.feedback)
            return {
                "case_sensitive": str(question.metadata.case_sensitive).lower(),
                **_cells("option", question.metadata.accepted),
                **_cells("match", (each.answer for each in answers)),
            }
        case NumericQuestion():
            return {
                "correct": plain_number(question.metadata.correct),
                "tolerance": plain_number(question.metadata.tolerance),
                **_cells("option", map(_range, question.metadata.alternatives)),
                **_cells("match", map(_range, told_numbers(question.metadata.feedback))),
            }
        case MatchingQuestion():
            pairs = match_rows(question)
            return {
                **_cells("option", (left for left, _ in pairs)),
                **_cells("match", (right for _, right in pairs)),
            }
        case OrderingQuestion():
            text_of = {item.id: item.text for item in question.metadata.items}
            return _cells("option", (text_of[item_id] for item_id in question.metadata.correct))


def _range(each: NumberRange) -> str:
    return f"{plain_number(each.number)}:{plain_number(each.tolerance)}"


def _correct(question: SingleChoiceQuestion | MultipleChoiceQuestion) -> frozenset[str]:
    return frozenset(question.metadata.correct)


def _cells(name: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the filled cells of numbered columns."""
    return {f"{name}_{place}": inert(text) for place, text in enumerate(texts, start=1) if text}
