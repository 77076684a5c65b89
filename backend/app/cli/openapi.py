"""`training openapi`: the contract as a file."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.cli.report import err


def openapi(
    output: Annotated[Path | None, typer.Option(help="A file instead of standard output.")] = None,
) -> None:
    """Write the OpenAPI document. It needs neither a database nor settings."""
    # By name, as `serve` does: commands are a layer below the application.
    from uvicorn.importer import import_from_string  # noqa: PLC0415  # as in serving.py

    document: bytes = import_from_string("app.main:openapi_document")()
    if output is None:
        sys.stdout.buffer.write(document)
    else:
        _write(output, document)


def _write(output: Path, document: bytes) -> None:
    try:
        output.write_bytes(document)
    except OSError as error:
        err.print(f"{output}: {error.strerror}", markup=False)
        raise typer.Exit(1) from None
