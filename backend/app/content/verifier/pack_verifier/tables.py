"""Checks the CSV tables that are meant for spreadsheets against the JSON files that they repeat."""

from __future__ import annotations

import csv
import io
from typing import Any

from .archive import Pack
from .broken import BrokenError, require
from .reading import has_members, items, same

FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")

TWINS = {
    "rosters": (
        "session_id",
        "module_id",
        "module_title",
        "starts_at",
        "duration_minutes",
        "mode",
        "place",
        "instructor_name",
        "instructor_qualification",
        "closed_at",
        "attendance_id",
        "user_id",
        "full_name",
        "job_title",
        "status",
        "marked_by_id",
        "marked_at",
    ),
    "questions": ("id", "session_id", "user_id", "question", "answer", "created_at"),
    "external_trainings": (
        "id",
        "user_id",
        "full_name",
        "email",
        "job_title",
        "provider",
        "title",
        "instructor_name",
        "instructor_qualification",
        "completed_on",
        "hours",
        "module_id",
        "credential_kind",
        "printed_expiry",
        "credential_number",
        "issuing_state",
        "evidence_reference",
        "evidence_sha256",
        "provider_number",
        "ce_category",
        "ce_delivery",
        "reviewed_by_id",
        "reviewed_at",
        "review_reason",
        "withdrawn_on",
        "withdrawal_reason",
    ),
    "source_checks": (
        "id",
        "evidence_id",
        "user_id",
        "source",
        "reference",
        "checked_on",
        "result",
        "next_check_on",
        "note",
        "checked_by_id",
        "created_at",
    ),
}
"""The names of the tables, with their columns."""


def inert(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    if text[:1] in ("\t", "\r", "\n", "'") or text.lstrip()[:1] in FORMULA:
        return "'" + text
    return text


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list):
        return inert("; ".join(str(item) for item in value))
    return str(value)


class Table:
    """A CSV file, which must be exactly the text that its JSON file gives."""

    def __init__(self, pack: Pack, name: str, columns: tuple[str, ...]) -> None:
        self._name, self._columns, self._rows = name, columns, 0
        self._text = io.TextIOWrapper(pack.open(name), encoding="utf-8", newline="")
        require(self._text.read(1) == "\ufeff", name + " does not begin with its mark")
        self._expect(list(columns), name + ", header")

    def row(self, item: dict[str, Any]) -> None:
        self._rows += 1
        where = f"{self._name}, row {self._rows}"
        known = has_members(item, set(self._columns))
        require(known, where + ": the JSON has other columns")
        self._expect([cell(item[column]) for column in self._columns], where)

    def end(self) -> None:
        more = self._text.read(1)  # pragma: no mutate  # two characters would tell the same
        require(not more, self._name + " has more rows than the JSON")
        self._text.close()

    def _expect(self, cells: list[str], where: str) -> None:
        line = io.StringIO(newline="")
        csv.writer(line).writerow(cells)
        wanted = line.getvalue()
        found = self._text.read(len(wanted))
        if found != wanted:
            raise BrokenError(where + self._difference(found + self._text.read(1 << 16), cells))

    def _difference(self, found: str, cells: list[str]) -> str:
        row = next(csv.reader(io.StringIO(found, newline="")), None)
        if not row:
            return " is missing"
        if len(row) != len(cells):
            return " has other columns"
        for column, text, wanted in zip(self._columns, row, cells):
            if text != wanted:
                return f": {column} is not what the JSON says"
        return " is written in another way"


class Twin:
    """A JSON file and its table. Both must say what the evidence says, line by line."""

    def __init__(self, pack: Pack, name: str) -> None:
        self._name, self._lines = name, 0
        self._items = items(pack, name + ".json")
        self._table = Table(pack, name + ".csv", TWINS[name])

    def line(self, wanted: dict[str, Any]) -> None:
        self._lines += 1
        where = f"{self._name}.json, item {self._lines}"
        require(same(next(self._items, None), wanted), where + " is not what the evidence says")
        self._table.row(wanted)

    def end(self) -> None:
        more = next(self._items, None)
        require(more is None, self._name + ".json has more than the evidence says")
        self._table.end()
