"""Files of the pack that are written beside each other, and what they look like."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.core.files.csv_form import csv_lines, csv_start
from app.core.files.zip_stream import CHUNK
from app.domain.evidence.audit_pack import (
    EXTERNAL_COLUMNS,
    QUESTION_COLUMNS,
    RECORD_COLUMNS,
    ROSTER_COLUMNS,
    SOURCE_CHECK_COLUMNS,
    cell,
    external,
    flat,
    missing_fields,
    roster,
)

IN_MEMORY = 1_048_576
CHECK_COLUMNS = (
    "record_id",
    "user_id",
    "full_name",
    "module_title",
    "local_date",
    "missing",
    "corrected_by_id",
)


class Spool:
    """Bytes that are written beside the archive's present member and join it later."""

    def __init__(self) -> None:
        # Closed with the last reference; it spills to disk beyond IN_MEMORY.
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115

    def write(self, text: str) -> None:
        self._file.write(text.encode())

    async def chunks(self) -> AsyncIterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk
        self._file.close()


class Table(Spool):
    """A CSV file."""

    def __init__(self, columns: Iterable[str]) -> None:
        super().__init__()
        self._columns = tuple(columns)
        self.write(csv_start(self._columns))

    def add(self, item: Mapping[str, Any]) -> None:
        self.write(csv_lines([[cell(item[column]) for column in self._columns]]))


class Items(Spool):
    """A JSON array with one item a line."""

    def __init__(self) -> None:
        super().__init__()
        self._separator = "[\n"

    def add(self, item: Mapping[str, Any]) -> None:
        self.write(self._separator + orjson.dumps(item).decode())
        self._separator = ",\n"

    async def chunks(self) -> AsyncIterator[bytes]:
        self.write(_end(self._separator))
        async for chunk in super().chunks():
            yield chunk


@dataclass(slots=True)
class RecordTables:
    """What is written about each record besides records.json, in the same pass."""

    records: Table = field(default_factory=lambda: Table(RECORD_COLUMNS))
    signatures: Items = field(default_factory=Items)
    check: "Twins" = field(default_factory=lambda: Twins(CHECK_COLUMNS))
    _of_person: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The checks of one person's records by id, until it is known which of them are corrected."""

    def add(self, payload: Mapping[str, Any]) -> None:
        """Take the next record: a person's come one after the other, in the order of the chain."""
        row = flat(payload)
        self.records.add(row)
        for signature in payload["signatures"]:
            person = {"record_id": payload["id"], "user_id": payload["user_id"]}
            self.signatures.add({**person, **signature})
        shown = {name: row[name] for name in CHECK_COLUMNS if name in row}
        if all(check["user_id"] != payload["user_id"] for check in self._of_person.values()):
            self._write_checks()
        check = {"record_id": payload["id"], **shown, "missing": missing_fields(payload)}
        self._of_person[payload["id"]] = check
        if corrected := self._of_person.get(payload.get("corrects_id") or ""):
            corrected["corrected_by_id"] = payload["id"]

    def _write_checks(self) -> None:
        for check in self._of_person.values():
            self.check.add(check)
        self._of_person.clear()

    def members(self) -> list[tuple[str, Spool]]:
        self._write_checks()
        return [
            ("records.csv", self.records),
            ("signatures.json", self.signatures),
            ("check.json", self.check.items),
            ("check.csv", self.check.table),
        ]


class Twins:
    """The same items as JSON and as a table."""

    def __init__(self, columns: Iterable[str]) -> None:
        self._columns = tuple(columns)
        self.items, self.table = Items(), Table(self._columns)

    def add(self, item: Mapping[str, Any]) -> None:
        self.items.add({column: item.get(column) for column in self._columns})
        self.table.add({column: item.get(column) for column in self._columns})


class EvidenceTables:
    """What people read of the evidence that is no record, made of its texts.

    Versions come before sessions, files and withdrawals before the evidence that they belong to.
    """

    def __init__(self) -> None:
        self._titles: dict[str, tuple[int, str]] = {}
        self._withdrawals: dict[str, Mapping[str, Any]] = {}
        self._files: dict[str, Mapping[str, Any]] = {}
        self._rosters = Twins(ROSTER_COLUMNS)
        self._questions = Twins(QUESTION_COLUMNS)
        self._external = Twins(EXTERNAL_COLUMNS)
        self._source_checks = Twins(SOURCE_CHECK_COLUMNS)

    def add(self, kind: str, text: Mapping[str, Any]) -> None:
        match kind:
            case "media":
                self._files[text["id"]] = text
            case "module_versions":
                version = (text["number"], text["title"])
                newest = max(version, self._titles.get(text["module_id"], version))
                self._titles[text["module_id"]] = newest
            case "live_sessions":
                title = self._titles.get(text["module_id"])
                for line in roster(text, title[1] if title else None):
                    self._rosters.add(line)
            case "live_session_questions":
                self._questions.add(text)
            case "source_checks":
                self._source_checks.add(text)
            case "evidence_withdrawals":
                self._withdrawals[text["evidence_id"]] = text
            case "external_trainings" if text["status"] == "verified":
                file = self._files.get(str(text.get("evidence_reference")).lower())
                self._external.add(external(text, self._withdrawals.get(text["id"]), file))

    def members(self) -> Iterator[tuple[str, Spool]]:
        for name, twins in (
            ("rosters", self._rosters),
            ("questions", self._questions),
            ("external_trainings", self._external),
            ("source_checks", self._source_checks),
        ):
            yield f"{name}.json", twins.items
            yield f"{name}.csv", twins.table


def _end(separator: str) -> str:
    return "[]\n" if separator == "[\n" else "\n]\n"


async def json_array(batches: AsyncIterator[list[dict[str, Any]]]) -> AsyncIterator[bytes]:
    separator = "[\n"
    async for batch in batches:
        lines = ",\n".join(orjson.dumps(item, default=str).decode() for item in batch)
        if lines:
            yield (separator + lines).encode()
            separator = ",\n"
    yield _end(separator).encode()


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content
