"""Output of commands: text for people, JSON for programs, or nothing unless something is wrong."""

import sys
from collections.abc import Iterable, Sequence
from contextvars import ContextVar
from enum import StrEnum

import typer
from pydantic_core import to_json
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

# Lines stay whole where the output is not a terminal: people search logs for them.
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


class Form(StrEnum):
    LINES = "lines"
    JSON = "json"
    NOTHING = "nothing"


form: ContextVar[Form] = ContextVar("form", default=Form.LINES)


def report(value: object, *lines: str) -> None:
    """Print a result: `value` as one line of JSON for programs, or `lines` for people."""
    if form.get() is Form.JSON:
        sys.stdout.buffer.write(to_json(value) + b"\n")
        sys.stdout.flush()
    elif form.get() is Form.LINES:
        for line in lines:
            out.print(line, markup=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows for people: as a table on a terminal, else as lines separated by tabs."""
    if form.get() is not Form.LINES:
        return
    if not out.is_terminal:
        for row in (headers, *rows):
            typer.echo("\t".join(row))
        return
    drawn = Table(*headers)
    for row in rows:
        drawn.add_row(*row)
    out.print(drawn)


def progress() -> Progress:
    """Return a progress bar that only a terminal shows and that is removed when it is done."""
    return Progress(console=err, transient=True, disable=not err.is_terminal)
