"""The drill-down as files: CSV and XLSX for spreadsheets, JSON without any loss.

`known_on` is empty for today's knowledge.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from app.core.files.csv_form import csv_lines, csv_start
from app.core.files.spreadsheet import inert
from app.repositories.compliance.report import Line
from app.repositories.compliance.report_scope import ReportScope
from app.schemas.compliance.report import ExportedLine

COLUMNS = tuple(ExportedLine.model_fields)
CHUNK = 1000
SHEET_ROWS = 1_000_000


async def csv_chunks(lines: AsyncIterator[Line], scope: ReportScope) -> AsyncGenerator[bytes]:
    """Write RFC 4180 with a header; text that would be a formula gets an apostrophe in front."""
    yield csv_start(COLUMNS).encode()
    async for chunk in _chunks(lines):
        rows = ([_cell(value) for value in exported(line, scope)] for line in chunk)
        yield csv_lines(rows).encode()


async def json_chunks(lines: AsyncIterator[Line], scope: ReportScope) -> AsyncGenerator[bytes]:
    """Write one JSON document whose items are what the CSV holds, unaltered."""
    head = orjson.dumps({"as_of": scope.as_of, "known_on": scope.known_on})
    yield head.removesuffix(b"}") + b',"items":['
    separator = b""
    async for chunk in _chunks(lines):
        rows = (dict(zip(COLUMNS, exported(line, scope), strict=True)) for line in chunk)
        yield separator + b",".join(orjson.dumps(row, default=str) for row in rows)
        separator = b","
    yield b"]}"


async def xlsx_chunks(lines: AsyncIterator[Line], scope: ReportScope) -> AsyncGenerator[bytes]:
    """Write typed cells: no text can become a formula. Built on disk, in constant memory."""
    with TemporaryDirectory(prefix="report-") as directory:
        path = Path(directory) / "report.xlsx"
        book = _Book(path)
        async for chunk in _chunks(lines):
            await asyncio.to_thread(book.write, [exported(line, scope) for line in chunk])
        await asyncio.to_thread(book.close)
        with path.open("rb") as file:
            while block := await asyncio.to_thread(file.read, 65_536):
                yield block


class _Book:
    def __init__(self, path: Path) -> None:
        # Imported here because it takes a twentieth of the application's start-up time, and few
        # requests need it.
        import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415  # no annotations; lazy

        options = {"constant_memory": True, "tmpdir": str(path.parent)}
        self._book = xlsxwriter.Workbook(path, options)
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheet = self._book.add_worksheet()
        self._sheet.write_row(0, 0, COLUMNS)
        self._rows = 1

    def write(self, rows: Sequence[tuple[Any, ...]]) -> None:
        for row in rows:
            if self._rows >= SHEET_ROWS:
                self._next_sheet()
            for column, value in enumerate(row):
                self._write_cell(column, value)
            self._rows += 1

    def _write_cell(self, column: int, value: object) -> None:
        if isinstance(value, date):
            self._sheet.write_datetime(self._rows, column, value, self._day)
        elif value is not None:
            self._sheet.write_string(self._rows, column, str(value))

    def close(self) -> None:
        self._book.close()


async def _chunks(lines: AsyncIterator[Line]) -> AsyncIterator[list[Line]]:
    chunk: list[Line] = []
    async for line in lines:
        chunk.append(line)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def exported(line: Line, scope: ReportScope) -> tuple[Any, ...]:
    """Return the values of `COLUMNS`."""
    return (
        scope.as_of,
        scope.known_on,
        line.user_id,
        line.display_name,
        line.email,
        line.employee_number,
        line.location,
        line.department,
        line.job_title,
        line.requirement_id,
        line.requirement,
        line.status.value,
        line.due_on,
        line.valid_through,
        line.met_by,
        line.reconciling,
    )


def _cell(value: object) -> str:
    return "" if value is None else inert(str(value))
