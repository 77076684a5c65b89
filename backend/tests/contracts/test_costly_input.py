"""No input takes excessive time or memory: each parser of requests, with its worst 1 MiB.

Texts that are refused are cut to what the limits before the reader let through. Readers run as the
services run them: in a thread, or on the loop where they are quick.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.core.ids import new_id
from app.domain.content.html import sanitise
from app.domain.content.html_limits import TooComplexError
from app.domain.content.question_bank import BankFormat
from app.domain.content.quiz.numerals import parse_numeral
from app.domain.content.slug import slugify
from app.domain.fields import MAX_LONG_TEXT, MAX_SHORT_TEXT, NumberError, normalise_text
from app.integrations.question_bank.formats import CODECS
from app.routers.strict_json import read_json

MIB = 1_048_576
PATIENCE = 3  # tries: a busy machine may take the processor away from one
MAX_SECONDS = 1.0
MAX_BLOCKED = 0.05
MAX_MEGABYTES = 200


def fill(unit: str, start: str = "", end: str = "") -> str:
    room = MIB - len(start.encode()) - len(end.encode())
    return start + unit * (room // len(unit.encode())) + end


def html_of(kind: str) -> str:
    formats = "".join(f"<i lang=x{n}>" * 3 for n in range(5))
    return {
        "reopened": fill("<i lang=x1><p><i lang=x2><p>"),
        "reopened within limits": f"<p>{formats}" + "<p>x" * 4_980,
        "issue": "".join(f"<i lang=x{n}><p>" for n in range(900)),
        "repeated attribute": f"<p><a title={'A' * 100_000}>" + "<p>x" * 4_990,
        "deep": "<ul><li>" * 2_500,
        "less than": fill("<"),
        "quotes": fill("<a x='<a x=\""),
        "comments": fill("<!--"),
        "declarations": fill("<?"),
        "attributes": fill("a ", "<p "),
        "entities": fill("&NotEqualTilde;"),
        "end tags": fill("</p>"),
    }[kind]


HTML = (
    *("reopened", "reopened within limits", "issue", "repeated attribute", "deep", "less than"),
    *("quotes", "comments", "declarations", "attributes", "entities", "end tags"),
)
BANKS = {
    BankFormat.GIFT: {
        "hints": fill("[id:", "// "),
        "questions": fill("a\n\n"),
        "braces": fill("{"),
        "escapes": fill("\\=", "Q {", "}"),
        "answers": fill("~a#b=", "Q {", "}"),
        "markup": fill("<a", "Q {=", "}"),
        "weights": fill("~%1%", "Q {", "}"),
        "marks": fill("a\u0323\u0301" + "\u0323\u0301" * 900, "Q {=", "}"),
        "elements": fill("<i><p>", "Q {=", "}"),
        "titles": fill("::", "::"),
        "arrows": fill("=->", "Q {", "}"),
    },
    BankFormat.MOODLE_XML: {
        "elements": fill("<a/>", "<quiz>", "</quiz>"),
        "questions": fill("<question/>", "<quiz>", "</quiz>"),
        "deep": fill("<a>"),
        "attributes": "<quiz " + " ".join(f"a{n}=''" for n in range(100_000)) + "/>",
        "answers": fill("<answer/>", '<quiz><question type="multichoice">', "</question></quiz>"),
        "markup": fill(
            "&lt;a",
            '<quiz><question type="essay"><questiontext><text>',
            "</text></questiontext></question></quiz>",
        ),
        "html": fill(
            "&lt;i>&lt;p>",
            '<quiz><question type="shortanswer"><questiontext><text>',
            "</text></questiontext></question></quiz>",
        ),
    },
    BankFormat.CSV: {
        "rows": fill("x,y\n", "kind,prompt\n"),
        "empty rows": fill("\n", "kind,prompt\n"),
        "columns": fill(",", "kind,prompt"),
        "cells": fill("," * 240 + "x\n", "kind,prompt" + ",x" * 240 + "\n"),
        "quotes": fill('"', "kind,prompt\n"),
        "quoted lines": fill('"\n"', "kind,prompt\n"),
        "places": fill("1;", "kind,prompt,option_1,correct\nsingle_choice,Q,a,"),
    },
}
JSON = {
    "deep": fill("["),
    "nested": fill("[", end="]" * 500_000).replace("[" * 600_000, "[" * 500_000),
    "empty objects": fill("{},", "[", "{}]"),
    "unknown members": "{" + ",".join(f'"{n:06}":0' for n in range(90_000)) + "}",
    "strings": fill('"",', "[", '""]'),
    "escapes": fill("\\\\", '{"title":"', '"}'),
    "exponents": fill("1e9,", "[", "1]"),
    "digits": fill("9"),
}
TEXTS: dict[str, Callable[[], object]] = {
    "normalised marks": lambda: normalise_text(("\u0323\u0301" * MAX_LONG_TEXT)[:MAX_LONG_TEXT]),
    "normalised expansions": lambda: normalise_text("\ufdfa" * MAX_SHORT_TEXT),
    "numerals": lambda: parse_numeral(fill("\ufdfa")),
    "number of spaces": lambda: parse_numeral(fill(" ")),
    "slugs": lambda: slugify("\ufdfa" * 200),
}


@dataclass
class Cost:
    seconds: float = 0.0
    blocked: float = 0.0
    megabytes: float = 0.0


def _status(name: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1024
    raise LookupError(name)


@contextlib.contextmanager
def _memory(cost: Cost) -> Iterator[None]:
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak
    before = _status("VmRSS")
    yield
    cost.megabytes = _status("VmHWM") - before


async def _watch(cost: Cost) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        cost.blocked = max(cost.blocked, now - last)
        last = now


def _quietly(work: Callable[[], object]) -> None:
    with contextlib.suppress(TooComplexError, NumberError):
        work()


async def _cost(work: Callable[[], object], *, threaded: bool) -> Cost:
    cost = Cost()
    watch = asyncio.create_task(_watch(cost))
    await asyncio.sleep(0.01)
    cost.blocked = 0.0
    start = time.perf_counter()
    with _memory(cost):
        if threaded:
            await asyncio.to_thread(_quietly, work)
        else:
            _quietly(work)
            await asyncio.sleep(0)
    cost.seconds = time.perf_counter() - start
    await asyncio.sleep(0.002)
    watch.cancel()
    return cost


async def cheap(work: Callable[[], object], *, threaded: bool = True) -> None:
    costs = []
    for _ in range(PATIENCE):
        costs.append(await _cost(work, threaded=threaded))
        if costs[-1].seconds <= MAX_SECONDS and costs[-1].blocked <= MAX_BLOCKED:
            break
    assert min(cost.seconds for cost in costs) <= MAX_SECONDS
    assert min(cost.blocked for cost in costs) <= MAX_BLOCKED
    assert costs[0].megabytes <= MAX_MEGABYTES


@pytest.mark.parametrize("kind", HTML)
async def test_html(kind: str) -> None:
    html = html_of(kind)
    await cheap(lambda: sanitise(html))


@pytest.mark.parametrize(
    ("bank_format", "kind"),
    [(bank_format, kind) for bank_format, kinds in BANKS.items() for kind in kinds],
)
async def test_question_banks(bank_format: BankFormat, kind: str) -> None:
    content = BANKS[bank_format][kind].encode()
    assert len(content) <= 2 * MIB
    await cheap(lambda: CODECS[bank_format].parse(content, new_id))


@pytest.mark.parametrize("kind", JSON)
async def test_json(kind: str) -> None:
    body = JSON[kind].encode()
    await cheap(lambda: read_json(body), threaded=False)


@pytest.mark.parametrize("kind", TEXTS)
async def test_texts(kind: str) -> None:
    await cheap(TEXTS[kind], threaded=False)
