"""What a command has to tell: to a person, to a program, or only when something is wrong."""

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
    """Tell a result: `value` to programs, as one line of JSON, and `lines` to people."""
    if form.get() is Form.JSON:
        sys.stdout.buffer.write(to_json(value) + b"\n")
        sys.stdout.flush()
    elif form.get() is Form.LINES:
        for line in lines:
            out.print(line, markup=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Show rows to people: drawn on a terminal, else whole and separated by tabs."""
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
    """Return a bar that is gone when it is done, and that only a terminal shows."""
    return Progress(console=err, transient=True, disable=not err.is_terminal)
