"""`training bench`: the benchmark of docs/performance.md."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.report import err


def bench(  # noqa: PLR0913, PLR0917  # typer reads options from parameters
    ops: Annotated[str, typer.Option(help="Operations, separated by commas; all without it.")] = "",
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each operation.")] = 5,
    requests: Annotated[
        int, typer.Option(min=10, max=20_000, help="Requests of each variant and round.")
    ] = 800,
    scale: Annotated[
        float, typer.Option(min=0.001, max=10, help="1 is 5,000 people, 250,000 enrollments.")
    ] = 1.0,
    json: Annotated[Path | None, typer.Option(help="Write the figures to this file.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw them into this SVG file.")] = None,
    gates: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--gates", help="A short run: what must hold whatever the machine.")
    ] = False,
    growth: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--growth/--no-growth", help="Also measure a tenth of the rows.")
    ] = True,
) -> None:
    """Measure the hot operations against the limit; exit with 1 when a hard gate fails."""
    try:
        # Imported here because it exists only in a checkout with the development dependencies.
        from benchmarks.run import Options, main  # noqa: PLC0415
    except ModuleNotFoundError as error:
        err.print(f"The benchmark is not installed ({error.name} is missing).")
        raise typer.Exit(2) from None
    chosen = tuple(name.strip() for name in ops.split(",") if name.strip())
    options = Options(chosen, rounds, scale, json, chart, requests, growth=growth)
    if gates:
        options = Options.short(chosen, json)
    raise typer.Exit(main(options))
