"""Files of the pack that are written beside each other, and what they look like."""

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from app.core.files.csv_form import csv_lines, csv_start
from app.core.files.zip_stream import CHUNK
from app.domain.evidence.audit_pack import RECORD_COLUMNS, cell, flat, missing_fields

IN_MEMORY = 1_048_576
CHECK_COLUMNS = ("record_id", "user_id", "full_name", "module_title", "local_date", "missing")


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
    check: Items = field(default_factory=Items)
    check_table: Table = field(default_factory=lambda: Table(CHECK_COLUMNS))

    def add(self, payload: Mapping[str, Any]) -> None:
        row = flat(payload)
        self.records.add(row)
        for signature in payload["signatures"]:
            person = {"record_id": payload["id"], "user_id": payload["user_id"]}
            self.signatures.add({**person, **signature})
        shown = {name: row[name] for name in CHECK_COLUMNS if name in row}
        check = {"record_id": payload["id"], **shown, "missing": missing_fields(payload)}
        self.check.add(check)
        self.check_table.add(check)

    def members(self) -> list[tuple[str, Spool]]:
        return [
            ("records.csv", self.records),
            ("signatures.json", self.signatures),
            ("check.json", self.check),
            ("check.csv", self.check_table),
        ]


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
