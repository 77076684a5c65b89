"""The figures of a run as a table, as JSON and as a chart."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import psutil
from rich.table import Table

from benchmarks.gates import Gates
from benchmarks.harness import Result
from benchmarks.operations import Variant
from benchmarks.servers import Server

Document = dict[str, Any]
BAR_HEIGHT, WIDTH, LABEL = 26, 720, 130
MOST_SHOWN = 2


def document(
    results: list[Result], gates: Gates, scale: float, token_us: tuple[float, float] | None
) -> Document:
    operations = {result.operation.name: _figures(result) for result in results}
    if token_us is not None:
        operations["token"] = {"round_trips": 0, "statements": 0} | {
            "hit_us": round(token_us[0], 1),
            "miss_us": round(token_us[1], 1),
        }
    memory = round(psutil.virtual_memory().total / 2**30)
    machine = f"{psutil.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.machine()}"
    return {
        "machine": f"{machine}, Python {platform.python_version()}",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "scale": scale,
        "operations": operations,
        "gates": gates,
    }


def _figures(result: Result) -> Document:
    figures = _compared(result, "served") | {
        "round_trips": result.round_trips,
        "statements": result.statements,
        "growth_10x": result.growth_10x,
    }
    if "unchanged" in result.operation.variants:
        figures["unchanged"] = _compared(result, "unchanged")
    return figures


def _compared(result: Result, variant: Variant) -> Document:
    cpu = result.median_cpu(variant)
    p50, p99 = result.latency_ms(variant)
    return {
        "t": round(result.median_t(variant), 3),
        "t_range": [round(value, 3) for value in result.t_range(variant)],
        "goal_t": result.operation.goals_t[variant],
        "cpu_us_app": round(cpu.app),
        "cpu_us_postgres": round(cpu.postgres),
        "p50_ms": round(p50, 2),
        "p99_ms": round(p99, 2),
    }


def _rows(report: Document) -> Document:
    """Return every row of figures by its name: an operation's, and what is measured beside it."""
    rows: Document = {}
    for name, figures in report["operations"].items():
        rows[name] = figures
        if "unchanged" in figures:
            rows[f"{name}, 304"] = figures["unchanged"]
    return rows


def process(server: Server) -> Document:
    """Return what a served process took to be ready, and its memory before and after the run."""
    return {
        "start_s": round(server.start_seconds, 2),
        "idle": asdict(server.idle_memory),
        "used": asdict(server.memory()),
    }


def table(report: Document) -> Table:
    shown = Table(title=f"scale {report['scale']}, {report['machine']}, {report['date']}")
    columns = ("t", "goal_t", "round_trips", "statements", "cpu_us_app", "cpu_us_postgres",
               "p50_ms", "p99_ms", "growth_10x", "hit_us", "miss_us")  # fmt: skip
    shown.add_column("operation")
    for column in columns:
        shown.add_column(column, justify="right")
    for name, figures in _rows(report).items():
        shown.add_row(name, *(_text(figures.get(column)) for column in columns))
    return shown


def _text(value: object) -> str:
    return "" if value is None else str(value)


def chart(report: Document) -> str:
    """Draw T of each compared operation as a share of its goal, up to twice: an SVG document."""
    compared = {name: row for name, row in _rows(report).items() if "t" in row}
    unit = (WIDTH - LABEL - 60) / MOST_SHOWN
    goal = LABEL + unit
    height = BAR_HEIGHT * len(compared) + 60
    title = f"T by operation; the line is the goal. {report['machine']}, {report['date']}"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        f'<text x="10" y="20">{escape(title)}</text>',
    ]
    for number, (name, row) in enumerate(compared.items()):
        top = 40 + number * BAR_HEIGHT
        bar = min(row["t"] / row["goal_t"], MOST_SHOWN) * unit
        lines += [
            f'<text x="10" y="{top + 14}">{escape(name)}</text>',
            f'<rect x="{LABEL}" y="{top}" width="{bar:.0f}" height="18" fill="#3b7dd8"/>',
            f'<text x="{LABEL + bar + 6:.0f}" y="{top + 14}">{row["t"]}</text>',
            f'<path d="M{goal:.0f} {top - 3}v24" stroke="#c0392b" stroke-width="2"/>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"
