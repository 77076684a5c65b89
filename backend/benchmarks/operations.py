"""What is measured: for each operation, the requests that each variant answers."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import orjson

from benchmarks.dataset import Person, Sample
from benchmarks.load import Request

Variant = Literal["limit", "idiomatic", "served"]
Tokens = Callable[[Person], str]


@dataclass(frozen=True, slots=True)
class Operation:
    """`goal_t` and `goal_round_trips` as in docs/performance.md; None where there is no such goal.

    `requests` yields without end; a write yields each pair of rows once a variant and round.
    """

    name: str
    goal_t: float | None
    goal_round_trips: int
    requests: Callable[[Variant, Sample, Tokens], Iterator[Request]]
    writes: bool = False
    variants: tuple[Variant, ...] = ("limit", "idiomatic", "served")


def _signed(token: str) -> tuple[tuple[str, str], ...]:
    return (("Authorization", f"Bearer {token}"),)


def _content(variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    for person, enrollment, _ in itertools.cycle(sample.enrollments):
        if variant == "limit":
            yield Request("GET", f"/content/{enrollment}/{person.id}")
        else:
            path = f"/api/v1/enrollments/{enrollment}/content"
            yield Request("GET", path, _signed(tokens(person)))


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


def _matrix(_variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    token = _signed(tokens(sample.admin))
    while True:
        yield Request("GET", "/api/v1/reports/compliance?group_by=location", token)


def _bulk(_variant: Variant, sample: Sample, tokens: Tokens) -> Iterator[Request]:
    token = _signed(tokens(sample.admin))
    for _, module in sample.unenrolled:
        body = orjson.dumps({"module_id": str(module), "filter": {"role": "learner"}})
        yield Request("POST", "/api/v1/enrollments/bulk", token, body)


OPERATIONS = (
    Operation("content", 1.2, 2, _content),
    Operation("dashboard", 0.70, 2, _dashboard),
    Operation("progress", 0.65, 2, _progress),
    Operation("enroll", 0.60, 2, _enroll, writes=True),
    Operation("matrix", None, 1, _matrix, variants=("served",)),
    Operation("bulk", None, 3, _bulk, writes=True, variants=("served",)),
)
