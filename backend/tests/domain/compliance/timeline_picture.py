"""Draws docs/compliance-timeline.svg from what the engine says of one person.

`cd backend && uv run python -m tests.domain.compliance.timeline_picture` writes the file again.
"""

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from pathlib import Path

from app.domain.compliance import in_hindsight, rules_in_hindsight, status
from tests.domain.compliance.builders import DAY, GONE, LEAVE, change, done, hire, history, since
from tests.domain.compliance.cases.scenario import BLOODBORNE, d

PICTURE = Path(__file__).parents[4] / "docs" / "compliance-timeline.svg"

HIRED, FIRST, LAST = d("2026-01-05"), d("2026-01-01"), d("2028-06-30")
STORY = history(
    hire(HIRED),
    done(d("2026-01-26")),
    change(d("2026-06-01"), LEAVE, hired_on=HIRED),
    change(d("2026-09-01"), hired_on=HIRED),
    done(d("2027-01-15"), 1),
    done(d("2028-01-10"), 2, recorded_on=d("2028-03-01")),
    change(d("2028-06-01"), GONE, hired_on=HIRED),
)
EVENTS = [
    *(d("2026-01-05"), d("2026-01-06"), d("2026-01-26"), d("2026-06-01"), d("2026-09-01")),
    *(d("2026-12-27"), d("2027-01-15"), d("2027-12-16"), d("2028-01-10"), d("2028-01-16")),
    *(d("2028-03-01"), d("2028-06-01")),
]

WIDTH, HEIGHT, LEFT, SCALE = 960, 270, 130, 0.9
ROWS = (("known today", 120), ("shown that day", 172))
BAR, LETTER, ROOM = 36, 6.6, 18
STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.line { stroke: #8c959f }
.mark { fill: #1f2328 } .number { fill: #ffffff; font-size: 10px; text-anchor: middle }
.said { fill: #ffffff; text-anchor: middle }
.compliant { fill: #1a7f37 } .due_soon { fill: #9a6700 } .due { fill: #0969da }
.overdue { fill: #cf222e } .expired { fill: #82071e } .exempt { fill: #57606a }
.not_required { fill: none; stroke: #8c959f; stroke-dasharray: 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .mark { fill: #e6edf3 } .number { fill: #0d1117 } .said { fill: #ffffff }
}
"""


def reached(day: date, known_on: date) -> str:
    """Return the status on a day, as far as it was known on another one."""
    rules = rules_in_hindsight(since(BLOODBORNE), known_on)
    return status(in_hindsight(STORY, known_on), rules, day).status.value


def ranges(*, today: bool) -> Iterator[tuple[str, date, date]]:
    """Yield each status with its first and last day: as known on the last day, or on each day."""
    days = (FIRST + number * DAY for number in range((LAST - FIRST).days + 1))
    found = ((reached(day, LAST if today else day), day) for day in days)
    for reached_status, group in groupby(found, key=lambda pair: pair[0]):
        held = [day for _, day in group]
        yield reached_status, held[0], held[-1]


def picture() -> str:
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">',
        "<title>One person and one requirement, from January 2026 to June 2028</title>",
        f"<style>{STYLE}</style>",
        *_axis(),
        *_marks(),
        *_bars(),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _x(day: date) -> float:
    return round(LEFT + (day - FIRST).days * SCALE, 1)


def _axis() -> Iterator[str]:
    for quarter in range(11):
        day = date(FIRST.year + quarter // 4, 1 + quarter % 4 * 3, 1)
        if day <= LAST:
            yield f'<path class="line" d="M{_x(day)} 20v{HEIGHT - 60}" opacity="0.3"/>'
            yield f'<text x="{_x(day)}" y="14">{day:%b %Y}</text>'


def _marks() -> Iterator[str]:
    places = list(zip(EVENTS, _heights(), strict=True))
    for day, y in places:
        yield f'<path class="line" d="M{_x(day)} {y}V{ROWS[1][1] + BAR}"/>'
    for number, (day, y) in enumerate(places, 1):
        yield f'<circle class="mark" cx="{_x(day)}" cy="{y}" r="8"/>'
        yield f'<text class="number" x="{_x(day)}" y="{y + 3.5}">{number}</text>'


def _heights() -> Iterator[int]:
    """Yield how high the number of each event stands: above the one before if that is too close."""
    ends = [0.0, 0.0, 0.0]
    for day in EVENTS:
        lane = next(lane for lane, end in enumerate(ends) if end <= _x(day))
        ends[lane] = _x(day) + ROOM
        yield 90 - lane * ROOM


def _bars() -> Iterator[str]:
    for (label, y), today in zip(ROWS, (True, False), strict=True):
        yield f'<text x="0" y="{y + 22}">{label}</text>'
        for name, first, last in ranges(today=today):
            yield from _bar(name, first, last, y)


def _bar(name: str, first: date, last: date, y: int) -> Iterator[str]:
    x, width = _x(first), round(_x(last + DAY) - _x(first), 1)
    said = f"<title>{name}, {first} to {last}</title>"
    yield f'<rect class="{name}" x="{x}" y="{y}" width="{width}" height="{BAR}">{said}</rect>'
    if width > len(name) * LETTER and name != "not_required":
        yield f'<text class="said" x="{round(x + width / 2, 1)}" y="{y + 22}">{name}</text>'


def _legend() -> Iterator[str]:
    names = ("compliant", "due_soon", "due", "overdue", "expired", "exempt", "not_required")
    for place, name in enumerate(names):
        x = LEFT + place * 116
        yield f'<rect class="{name}" x="{x}" y="244" width="14" height="14"/>'
        yield f'<text x="{x + 20}" y="256">{name}</text>'


if __name__ == "__main__":
    PICTURE.write_text(picture())
