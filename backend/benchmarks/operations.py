"""What is measured: for each operation, the requests that each variant answers."""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import orjson

from benchmarks.dataset import Person, Sample
from benchmarks.load import Request

Variant = Literal["limit", "idiomatic", "served", "unchanged"]
"""The last is the served one, asked for what the client holds already."""

Tokens = Callable[[Person], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """`goals_t` and `goal_round_trips` as in docs/performance.md.

    `requests` yields without end; a write yields each pair of rows once a variant and round.
    """

    name: str
    goals_t: Mapping[Variant, float]
    goal_round_trips: int
    requests: Callable[[Variant, Sample, Tokens], Iterator[Request]]
    writes: bool = False
    variants: tuple[Variant, ...] = ("limit", "idiomatic", "served")
    connections: int = 8
    """How many requests are under way at the same time."""

    most_requests: int | None = None
    """In a round, where a request is a large one."""


def _signed(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def _content(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for person, enrollment, _ in itertools.cycle(sample.enrollments):
        if variant == "limit":
            yield Request("GET", f"/content/{enrollment}/{person.id}")
        else:
            path = f"/api/v1/enrollments/{enrollment}/content"
            etag = f'"{sample.hashes[enrollment]}"'
            held = (("If-None-Match", etag),) if variant == "unchanged" else ()
            yield Request("GET", path, (*_signed(tokens(person)), *held))


def _dashboard(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for person in itertools.cycle(sample.people):
        if variant == "limit":
            yield Request("GET", f"/dashboard/{person.id}")
        else:
            yield Request("GET", "/api/v1/enrollments", _signed(tokens(person)))


def _progress(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for second, (person, enrollment, section) in zip(
        itertools.count(1), itertools.cycle(sample.enrollments), strict=False
    ):
        report = {"seconds_spent": second, "position": 0, "completed": False}
        body = orjson.dumps(report)
        if variant == "limit":
            yield Request("PUT", f"/progress/{enrollment}/{person.id}/{section}", (), body)
        else:
            path = f"/api/v1/enrollments/{enrollment}/sections/{section}/progress"
            yield Request("PUT", path, _signed(tokens(person)), body)


def _enroll(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for person, module in sample.unenrolled:
        body = orjson.dumps({"module_id": str(module)})
        if variant == "limit":
            yield Request("POST", f"/enroll/{person.id}", (), body)
        else:
            yield Request("POST", "/api/v1/enrollments", _signed(tokens(person)), body)


def _submit(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for person, attempt, question_ids in sample.attempts:
        # Every other one is right, which does not pass.
        given = {each: "ab"[n % 2] for n, each in enumerate(question_ids)}
        body = orjson.dumps({"answers": given})
        if variant == "limit":
            yield Request("POST", f"/submit/{attempt}/{person.id}", (), body)
        else:
            yield Request(
                "POST", f"/api/v1/attempts/{attempt}/submit", _signed(tokens(person)), body
            )


def _matrix(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    token = _signed(tokens(sample.admin))
    while True:
        if variant == "limit":
            yield Request("GET", "/matrix")
        else:
            yield Request("GET", "/api/v1/reports/compliance", token)


def _bulk(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    token = _signed(tokens(sample.admin))
    for module in sample.unassigned:
        if variant == "limit":
            yield Request("POST", f"/bulk/{module}")
            continue
        body = orjson.dumps({"module_id": str(module), "filter": {"role": "learner"}})
        yield Request("POST", "/api/v1/enrollments/bulk", token, body)


COMPARED: tuple[Variant, ...] = ("limit", "served")
CONTENT = Operation(
    "content",
    {"served": 1.2, "unchanged": 3},
    2,
    _content,
    variants=("limit", "idiomatic", "served", "unchanged"),
)
OPERATIONS = (
    CONTENT,
    Operation("dashboard", {"served": 0.70}, 2, _dashboard),
    Operation("progress", {"served": 0.65}, 2, _progress),
    Operation("submit", {"served": 0.60}, 3, _submit, writes=True, variants=COMPARED),
    Operation("enroll", {"served": 0.60}, 2, _enroll, writes=True),
    # The limit of these two is the plain way: to count every cell, and to COPY the rows.
    Operation("matrix", {"served": 20}, 1, _matrix, variants=COMPARED),
    Operation(
        "bulk",
        {"served": 0.8},
        3,
        _bulk,
        writes=True,
        variants=COMPARED,
        connections=1,
        most_requests=10,
    ),
)
