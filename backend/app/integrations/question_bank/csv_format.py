"""CSV for authors who live in spreadsheets: one question a row.

`kind` and `prompt` are needed; the other columns as the kind has them:

- choices: `option_1`, `option_2`, ...; `correct` has numbers or letters of columns: `1`, `2;3`, `B`
- true_false: `correct`
- short_answer: an accepted text in each option; `case_sensitive`
- numeric: `correct` and `tolerance`
- matching: `option_1` belongs to `match_1`, and so on; a match without its option misleads
- ordering: the options in their right order
- any: `points`, `explanation`; `id` and `item_ids` come from an export and may be left empty

Texts that a spreadsheet would run as a formula are written with an apostrophe in front.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from io import StringIO
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from uuid import UUID

from app.core.files.csv_form import csv_lines, csv_start
from app.core.files.spreadsheet import bare, inert
from app.domain.content.quiz.metadata import QuestionKind
from app.domain.content.quiz.numerals import parse_numeral
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
from app.domain.fields import NumberError
from app.integrations.question_bank import (
    conversion,
)
from app.integrations.question_bank.bank import (
    MAX_QUESTIONS,
    Exported,
    Found,
    Imported,
    Intake,
    NewId,
    Problem,
    UnsupportedError,
    decode,
    item_ids,
    items,
    match_rows,
    plain_number,
)

if TYPE_CHECKING:
    import _csv

MAX_COLUMNS: Final = 250
MAX_ROWS: Final = 20_000
COLUMNS: Final = (
    *("id", "kind", "prompt", "points", "correct", "tolerance", "case_sensitive"),
    *("explanation", "item_ids"),
)
FEWEST_OPTIONS: Final = 4
_NUMBERED = re.compile(r"(option|match)_([1-9][0-9]?)")
_ITEM_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRUTH: Final = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0", ""), False),
}

Row = Mapping[str, str]


def parse_csv(content: bytes, new_id: NewId) -> Imported:
    """Read a CSV file; commas, semicolons or tabs, as its first line has them."""
    intake = Intake(new_id)
    with intake.reading():
        (_, header), *rows = _rows(decode(content))
        _check_columns(intake, header)
        for line, row in rows:
            intake.take(Found(line), partial(_read, row=row))
    return intake.imported


def _rows(text: str) -> Iterator[tuple[int, Row]]:
    """Yield the header, named by itself, and each row that is not empty, with their lines."""
    first, _, _ = text.partition("\n")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = _header(next(reader, []))
        yield 1, dict(zip(header, header, strict=True))
        filled = filter(itemgetter(1), _cells_by_line(reader))
        for line, cells in islice(filled, MAX_QUESTIONS + 1):
            if any(cells[len(header) :]):
                raise UnsupportedError("too_many_cells", "There are more cells than columns.", line)
            yield line, {name: bare(cell) for name, cell in zip(header, cells, strict=False)}
    except csv.Error:
        detail = "The quotes of this file do not match."
        raise UnsupportedError("invalid_csv", detail) from None


def _header(cells: list[str]) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise UnsupportedError("too_many_columns", f"There are {MAX_COLUMNS} columns at most.")
    return [name.strip().lower() for name in cells]


def _cells_by_line(reader: "_csv.Reader") -> Iterator[tuple[int, list[str]]]:
    """Yield each row's cells, none where all are empty, with the line that it starts at."""
    line = reader.line_num + 1
    for number, row in enumerate(reader):
        if number == MAX_ROWS:
            raise UnsupportedError("too_many_rows", f"There are {MAX_ROWS} rows at most.", line)
        cells = [cell.strip() for cell in row]
        yield line, cells if any(cells) else []
        line = reader.line_num + 1


def _check_columns(intake: Intake, header: Row) -> None:
    for needed in ("kind", "prompt"):
        if needed not in header:
            raise UnsupportedError(
                code="missing_column", detail=f"The first line has no column {needed!r}."
            )
    if any(name not in COLUMNS and not _NUMBERED.fullmatch(name) for name in header if name):
        detail = "Columns with other names are passed over."
        intake.imported.problems.append(Problem(1, "unknown_column", detail, skipped=False))


def _read(found: Found, row: Row) -> None:
    kind = row.get("kind", "").lower()
    if kind not in set(QuestionKind):
        raise UnsupportedError(code="kind_unsupported", detail="There is no such kind here.")
    found.prompt = row.get("prompt", "")
    found.explanation = row.get("explanation") or None
    found.points = _number(row.get("points") or "1")
    ids = row.get("item_ids", "").split()
    found.item_ids = tuple(ids) if all(map(_ITEM_ID.fullmatch, ids)) else ()
    if row.get("id"):
        try:
            found.id = UUID(row["id"])
        except ValueError:
            raise UnsupportedError(code="invalid_id", detail="An id is a UUID.") from None
    _READERS[QuestionKind(kind)](found, row)


def _read_choice(found: Found, row: Row) -> None:
    options = _numbered(row, "option")
    places = [_place(part) for part in re.split(r"[;,\s]+", row.get("correct", "")) if part]
    listed = items(list(options.values()), found.item_ids)
    id_of = dict(zip(options, (item["id"] for item in listed), strict=True))
    if not set(places) <= options.keys():
        raise UnsupportedError(code="unknown_option", detail="A right option is empty.")
    found.become(
        QuestionKind(row["kind"].lower()),
        {"options": listed, "correct": [id_of[place] for place in places]},
    )


def _place(text: str) -> int:
    """Return the column that `3` or `C` means."""
    if re.fullmatch("[1-9][0-9]?", text):
        return int(text)
    if re.fullmatch("[A-Za-z]", text):
        return ord(text.upper()) - ord("A") + 1
    raise UnsupportedError(code="unknown_option", detail="Options are named by number or letter.")


def _read_true_false(found: Found, row: Row) -> None:
    if not row.get("correct"):
        raise UnsupportedError(code="nothing_correct", detail="Say whether it is true or false.")
    conversion.decide(found, correct=_truth(row["correct"]))


def _read_short_answer(found: Found, row: Row) -> None:
    found.become(
        QuestionKind.SHORT_ANSWER,
        {
            "accepted": list(_numbered(row, "option").values()),
            "case_sensitive": _truth(row.get("case_sensitive", "")),
        },
    )


def _read_numeric(found: Found, row: Row) -> None:
    tolerance = _number(row.get("tolerance") or "0")
    correct = _number(row.get("correct", ""))
    found.become(QuestionKind.NUMERIC, {"correct": correct, "tolerance": tolerance})


def _read_matching(found: Found, row: Row) -> None:
    left, right = _numbered(row, "option"), _numbered(row, "match")
    if left.keys() - right.keys():
        raise UnsupportedError(code="incomplete_pairs", detail="An option has no match.")
    # Readers come upon matched sides first, as an export lists them.
    places = sorted(right, key=lambda place: (place not in left, place))
    conversion.match(found, [(left.get(place, ""), right[place]) for place in places])


def _read_ordering(found: Found, row: Row) -> None:
    conversion.put_in_order(found, list(_numbered(row, "option").values()))


_READERS: Final[Mapping[QuestionKind, Callable[[Found, Row], None]]] = {
    QuestionKind.SINGLE_CHOICE: _read_choice,
    QuestionKind.MULTIPLE_CHOICE: _read_choice,
    QuestionKind.TRUE_FALSE: _read_true_false,
    QuestionKind.SHORT_ANSWER: _read_short_answer,
    QuestionKind.NUMERIC: _read_numeric,
    QuestionKind.MATCHING: _read_matching,
    QuestionKind.ORDERING: _read_ordering,
}


def _numbered(row: Row, name: str) -> dict[int, str]:
    """Return the filled cells of `option_1`, `option_2`, ... by number, in order."""
    cells = {
        int(column[2]): text
        for column, text in ((_NUMBERED.fullmatch(key), value) for key, value in row.items())
        if column and column[1] == name and text
    }
    return dict(sorted(cells.items()))


def _truth(text: str) -> bool:
    try:
        return _TRUTH[text.lower()]
    except KeyError:
        raise UnsupportedError(code="not_a_truth", detail="True or false was expected.") from None


def _number(text: str) -> Decimal:
    """Read a number with a point, or else as the author's spreadsheet may have written it."""
    try:
        return conversion.number(text)
    except UnsupportedError:
        try:
            return parse_numeral(text)
        except NumberError as error:
            raise UnsupportedError(error.code, error.detail) from None


def write_csv(questions: Iterable[Question]) -> Exported:
    rows = [_row(question) for question in questions]
    used = [int(key.rpartition("_")[2]) for row in rows for key in row if _NUMBERED.fullmatch(key)]
    numbers = range(1, max([FEWEST_OPTIONS, *used]) + 1)
    header = [
        *COLUMNS,
        *(f"option_{number}" for number in numbers),
        *(f"match_{number}" for number in numbers),
    ]
    lines = csv_lines([row.get(column, "") for column in header] for row in rows)
    return Exported((csv_start(header) + lines).encode())


def _row(question: Question) -> dict[str, str]:
    return {
        "id": str(question.id),
        "kind": question.kind,
        "prompt": inert(question.prompt),
        "points": plain_number(question.points),
        "explanation": inert(question.explanation or ""),
        "item_ids": inert(" ".join(item_ids(question))),
        **_answer_cells(question),
    }


def _answer_cells(question: Question) -> dict[str, str]:
    match question:
        case SingleChoiceQuestion() | MultipleChoiceQuestion():
            options = question.metadata.options
            places = [str(n) for n, each in enumerate(options, 1) if each.id in _correct(question)]
            return {"correct": ";".join(places), **_cells("option", (o.text for o in options))}
        case TrueFalseQuestion():
            return {"correct": str(question.metadata.correct).lower()}
        case ShortAnswerQuestion():
            case_sensitive = str(question.metadata.case_sensitive).lower()
            return {
                "case_sensitive": case_sensitive,
                **_cells("option", question.metadata.accepted),
            }
        case NumericQuestion():
            return {
                "correct": plain_number(question.metadata.correct),
                "tolerance": plain_number(question.metadata.tolerance),
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


def _correct(question: SingleChoiceQuestion | MultipleChoiceQuestion) -> frozenset[str]:
    return frozenset(question.metadata.correct)


def _cells(name: str, texts: Iterable[str]) -> dict[str, str]:
    return {f"{name}_{number}": inert(text) for number, text in enumerate(texts, start=1)}
