"""CSV for authors who write questions in a spreadsheet, one question in each row.

`kind` and `prompt` are needed; the other columns as the kind has them:

- choices: `option_1`, `option_2`, ...; `correct` has numbers or letters of columns: `1`, `2;3`, `B`
- true_false: `correct`; `feedback_1` to those who say true, `feedback_2` to the others
- short_answer: an accepted text in each option; `case_sensitive`
- numeric: `correct` and `tolerance`; other right numbers in the options, as `2.5` or `2.5:0.1`
- matching: `option_1` belongs to `match_1`, and so on; a match without its option misleads
- ordering: the options in their right order
- choices, matching: `feedback_1` speaks of `option_1`; short_answer, numeric: to who says `match_1`
- any: `points`, `explanation`, `name`, `category`, `tags` (`one; two`), `feedback_correct`,
  `feedback_incorrect`, and `feedback_partly_correct` where there is partial credit
- `id`, `item_ids` and `pictures` come from an export and may be left empty

Texts that a spreadsheet would run as a formula are written with an apostrophe in front.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import partial
from io import StringIO
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING, Final
from uuid import UUID

from app.core.files.spreadsheet import bare
from app.domain.content.quiz.metadata import QuestionKind
from app.domain.content.quiz.numerals import parse_numeral
from app.domain.fields import NumberError
from app.integrations.question_bank import (
    conversion,
)
from app.integrations.question_bank.bank import (
    MAX_QUESTIONS,
    Found,
    Imported,
    Intake,
    NewId,
    UnsupportedError,
    decode,
    items,
)
from app.integrations.question_bank.pictures import take_pictures

if TYPE_CHECKING:
    import _csv

MAX_COLUMNS: Final = 320
MAX_ROWS: Final = 20_000
COLUMNS: Final = (
    *("id", "kind", "prompt", "points", "correct", "tolerance", "case_sensitive"),
    *("explanation", "name", "category", "tags", "item_ids"),
)
RESULT_COLUMNS: Final = {
    f"feedback_{result}": result for result in ("correct", "partly_correct", "incorrect")
}
PICTURES: Final = "pictures"
NUMBERED: Final = re.compile(r"(option|match|feedback)_([1-9][0-9]?)")
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
    known = {*COLUMNS, *RESULT_COLUMNS, PICTURES}
    if any(name not in known and not NUMBERED.fullmatch(name) for name in header if name):
        intake.note(1, "unknown_column", "Columns with other names are passed over.")


def _read(found: Found, row: Row) -> None:
    found.name = row.get("name") or None
    found.prompt = row.get("prompt", "")
    kind = row.get("kind", "").lower()
    if kind not in set(QuestionKind):
        raise UnsupportedError(code="kind_unsupported", detail="There is no such kind here.")
    found.explanation = row.get("explanation") or None
    found.category = row.get("category") or None
    found.tags = tuple(tag.strip() for tag in row.get("tags", "").split(";") if tag.strip())
    found.results = {
        result: row[column] for column, result in RESULT_COLUMNS.items() if row.get(column)
    }
    found.points = _number(row.get("points") or "1")
    ids = row.get("item_ids", "").split()
    found.item_ids = tuple(ids) if all(map(_ITEM_ID.fullmatch, ids)) else ()
    if row.get("id"):
        try:
            found.id = UUID(row["id"])
        except ValueError:
            raise UnsupportedError(code="invalid_id", detail="An id is a UUID.") from None
    _READERS[QuestionKind(kind)](found, row)
    take_pictures(found, row.get(PICTURES, ""))


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
        options=_about(row, id_of),
    )


def _about(row: Row, id_of: Mapping[int, str]) -> dict[str, str]:
    """Return the feedback to options by their ids."""
    told = _numbered(row, "feedback")
    if told.keys() - id_of.keys():
        raise UnsupportedError("unknown_option", "Feedback speaks of an option that is empty.")
    return {id_of[place]: text for place, text in told.items()}


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
    told = _about(row, {1: "true", 2: "false"})
    conversion.decide(found, correct=_truth(row["correct"]), told=told)


def _read_short_answer(found: Found, row: Row) -> None:
    found.become(
        QuestionKind.SHORT_ANSWER,
        {
            "accepted": list(_numbered(row, "option").values()),
            "case_sensitive": _truth(row.get("case_sensitive", "")),
        },
        answers=[{"answer": answer, "feedback": text} for answer, text in _answers(row)],
    )


def _answers(row: Row) -> Iterator[tuple[str, str]]:
    """Yield answers with the feedback to them."""
    answers, told = _numbered(row, "match"), _numbered(row, "feedback")
    if answers.keys() != told.keys():
        raise UnsupportedError("incomplete_pairs", "A feedback has no answer.")
    for place, answer in answers.items():
        yield answer, told[place]


def _read_numeric(found: Found, row: Row) -> None:
    tolerance = _number(row.get("tolerance") or "0")
    correct = _number(row.get("correct", ""))
    others = [_range(text) for text in _numbered(row, "option").values()]
    metadata = {"correct": correct, "tolerance": tolerance, "alternatives": others}
    told = [{**_range(answer), "feedback": text} for answer, text in _answers(row)]
    found.become(QuestionKind.NUMERIC, metadata, answers=told)


def _range(text: str) -> dict[str, Decimal]:
    number, _, tolerance = text.partition(":")
    return {"number": _number(number), "tolerance": _number(tolerance or "0")}


def _read_matching(found: Found, row: Row) -> None:
    left, right = _numbered(row, "option"), _numbered(row, "match")
    if left.keys() - right.keys():
        raise UnsupportedError(code="incomplete_pairs", detail="An option has no match.")
    # Readers come upon matched sides first, as an export lists them.
    places = sorted(right, key=lambda place: (place not in left, place))
    told = _numbered(row, "feedback")
    pairs = [(left.get(place, ""), right[place]) for place in places]
    conversion.match(found, pairs, [told.get(place, "") for place in places])


def _read_ordering(found: Found, row: Row) -> None:
    if _numbered(row, "feedback"):
        conversion.drop_feedback(found)
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
        for column, text in ((NUMBERED.fullmatch(key), value) for key, value in row.items())
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
