"""The one form of every CSV file that leaves the application."""

import csv
import io
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"
MEDIA_TYPE = "text/csv; charset=utf-8"


def csv_lines(rows: Iterable[Iterable[object]]) -> str:
    """Write rows as in RFC 4180.

    The caller has made each cell inert (`app.core.files.spreadsheet`).
    """
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def csv_start(columns: Iterable[str]) -> str:
    """Write the header after a byte order mark, by which spreadsheets recognise UTF-8."""
    return BYTE_ORDER_MARK + csv_lines([columns])
