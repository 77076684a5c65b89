"""No input is answered with 500, whatever harmful value stands in any place of a request.

TEST_HOSTILE_CASES=100000 is the longer run of docs/reliability.md.
"""

import itertools
import json
import os
import random
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from fastapi import FastAPI

from app.models import User
from tests.contracts.matrix import ACTORS, ADMIN, Row, core_rows, path_ids
from tests.contracts.matrix_compliance import compliance_rows, made
from tests.contracts.world import World
from tests.described import without_shared_parts
from tests.support import Api, RollbackDatabase

CASES = int(os.environ.get("TEST_HOSTILE_CASES", "2000"))
# Each request takes back what it did, and one transaction has locks for some 30,000 of these.
IN_ONE_TRANSACTION = 8_000
AT_ONCE = 3
STEP = 1 if CASES > 10_000 else 4
ROUNDS = -(-CASES // IN_ONE_TRANSACTION)
SEED = 20261121
INSTANTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00")
DAYS = ("0001-01-01", "9999-12-31", "2026-02-30", "0000-00-00", "+99999-01-01", *INSTANTS)
TEXTS = ("", " ", "x" * 100_000, "' OR 1=1 --", "%s%n{0}", "\u202e\u2028", "<script>", "\U000e0001")
JSON_VALUES = (
    *(b"null", b"true", b"0", b"-1", b"1.5", b"[]", b"{}", b"[[]]", b'[""]', b'{"":null}'),
    *(b"2147483648", b"9223372036854775807", b"9223372036854775808", b"-9223372036854775809"),
    *(b"1e308", b"1e400", b"NaN", b"-Infinity", b"9" * 5_000, b"0." + b"1" * 5_000),
    *(b'"\\u0000"', b'"a\x00b"', b'"\\ud800"', b'"\\udfff\\ud800"', b'"\xff\xfe"', b'"\xc0\xaf"'),
    *(b"[" * 40 + b"]" * 40, b'{"a":' * 40 + b"1" + b"}" * 40, b"[" * 100_000, b'{"a":1,"a":2}'),
    *(json.dumps(text).encode() for text in (*DAYS, *TEXTS)),
    *(f'"{uuid.UUID(int=number)}"'.encode() for number in (0, 2**128 - 1)),
)
WRITTEN = (
    *("%00", "a%00b", "%ff%fe", "%ed%a0%80", "%c0%af", "%0d%0aX:1", "..%2f..%2fetc", "%25", "%"),
    *("-1", "2147483648", "9223372036854775808", "9" * 4_000, "1e400", "NaN", "null", "%5B%5D"),
    *("%7B%7D", "%27%20OR%201=1%20--", "x" * 4_000, "%E2%80%AE", "", "1_000", "%D9%A3", *DAYS[:5]),
    *(instant.replace("+", "%2B") for instant in INSTANTS),
)
HEADERS = (
    *(b"", b" ", b"*", b'"', b'""', b"W/", b'W/"1"', b'"\xff"', b'"9223372036854775808"', b"\x80"),
    *(b'"' + b"9" * 4_000 + b'"', b"1,2", b'*, "1"', b"\t", b"a" * 4_000, b"null", b"-1", b"%00"),
)
NAMES = ("If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id", "Accept", "Content-Type")
BODIES = (b"", b"null", b"{}", b"[]", b'"', b"\x00", b"\xff", b"[" * 100_000, b"{}{}", b"0")
HOLE = "hole-7f3a"


@dataclass(frozen=True, slots=True)
class Case:
    """A request of the matrix; what is harmful in it overrides what is not."""

    row: Row
    method: str
    template: str
    body: bytes | None
    path: dict[str, str]
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, bytes] = field(default_factory=dict)

    def address(self) -> str:
        address = self.template
        for name, value in self.path.items():
            address = address.replace(f"{{{name}}}", value)
        return f"{address}?{'&'.join(f'{name}={value}' for name, value in self.query.items())}"


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield where a value can be put: in place of the whole, and of each of its parts."""
    yield path
    parts: dict[Any, Any] = {}
    if isinstance(value, (dict, list)):
        parts = value if isinstance(value, dict) else dict(enumerate(value))
    for key, part in parts.items():
        yield from places(part, (*path, key))


def filled(value: Any, path: tuple[str | int, ...], harm: bytes) -> bytes:
    """Return a JSON document with a harmful value in one place."""
    return json.dumps(_with_hole(value, path)).encode().replace(f'"{HOLE}"'.encode(), harm, 1)


def _with_hole(value: Any, path: tuple[str | int, ...]) -> Any:
    if not path:
        return HOLE
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = _with_hole(value[path[0]], path[1:])  # type: ignore[index]  # as `places` met it
    return copy


@dataclass(frozen=True, slots=True)
class Target:
    api: Api
    world: World
    database: RollbackDatabase
    cases: list[tuple[Case, tuple[str, ...]]]
    """Each row of the matrix, with the names of its query's parameters."""

    async def send(self, case: Case) -> int:
        actor = ADMIN if ADMIN in case.row.allowed else next(iter(sorted(case.row.allowed)), ADMIN)
        user: User = getattr(self.world.people, actor)
        headers = {"Content-Type": b"application/json", "If-Match": b"*"}
        headers |= {name: value.encode() for name, value in self.api.bearer(user).items()}
        sent = [(name.encode(), value) for name, value in (headers | case.headers).items()]
        response = await self.api.client.request(
            case.method, case.address(), content=case.body, headers=sent
        )
        return response.status_code


@pytest.fixture
async def target(api: Api, world: World, database: RollbackDatabase, app: FastAPI) -> Target:
    ids = path_ids(world) | await made(api, world)
    known = {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in without_shared_parts(app.openapi())["paths"].items()
        for method, operation in item.items()
    }
    cases = []
    for row in (*core_rows(world), *compliance_rows(world, ids)):
        method, path, operation = known[row.operation]
        body = row.content.encode() if row.content else None
        body = json.dumps(row.json).encode() if row.json is not None else body
        values = {name: str(value) for name, value in (ids | dict(row.path)).items()}
        written = {name: str(value) for name, value in row.query.items()}
        names = [each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"]
        cases.append((Case(row, method, path, body, values, written), tuple(names)))
    assert len({case.row.operation for case, _ in cases}) == len(known)
    assert {actor for case, _ in cases for actor in case.row.allowed} <= set(ACTORS)
    return Target(api, world, database, cases)


def harmed(case: Case, names: tuple[str, ...], dice: random.Random) -> Case:
    """Put harm in one place. Its kind is drawn first, so that rare kinds come up often."""
    kinds = ["header"] + ["path"] * ("{" in case.template) + ["query"] * bool(names)
    kinds += ["body"] * (2 if case.body is not None else 0)
    kind = dice.choice(kinds)
    if kind == "header":
        return replace(case, headers=case.headers | {dice.choice(NAMES): dice.choice(HEADERS)})
    if kind == "path":
        name = dice.choice([name for name in case.path if f"{{{name}}}" in case.template])
        return replace(case, path=case.path | {name: dice.choice(WRITTEN)})
    if kind == "query":
        return replace(case, query=case.query | {dice.choice(names): dice.choice(WRITTEN)})
    if case.row.json is None or dice.random() < 0.1:
        return replace(case, body=dice.choice(BODIES))
    place = dice.choice(list(places(case.row.json)))
    return replace(case, body=filled(case.row.json, place, dice.choice(JSON_VALUES)))


def each_harm(case: Case, names: tuple[str, ...]) -> Iterator[Case]:
    """Yield each harmful value in each place of a request's body and query."""
    if case.row.json is not None:
        for place in places(case.row.json):
            for value in JSON_VALUES:
                yield replace(case, body=filled(case.row.json, place, value))
    for name in names:
        for text in WRITTEN:
            yield replace(case, query=case.query | {name: text})


async def crashes(target: Target, cases: Iterator[Case]) -> tuple[list[str], Counter[int]]:
    found, answers = [], Counter[int]()
    for case in cases:
        async with target.database.undone():
            status = await target.send(case)
        answers[status] += 1
        if status >= 500:
            found.append(
                f"{status} {case.method} {case.address()} {case.headers} {case.body!r}"[:900]
            )
    return found, answers


def some(target: Target, count: int, seed: int = SEED) -> Iterator[Case]:
    """Yield requests with up to `AT_ONCE` harmful values, the same ones for the same seed."""
    dice = random.Random(seed)  # noqa: S311  # repeatable cases, no secret
    for _ in range(count):
        case, names = dice.choice(target.cases)
        for _ in range(dice.randint(1, AT_ONCE)):
            case = harmed(case, names, dice)
        yield case


class TestNothingCrashes:
    @pytest.mark.full
    async def test_a_few(self, target: Target) -> None:
        found, answers = await crashes(target, some(target, 100))
        assert not found, "\n".join(found)
        assert answers.total() == 100

    @pytest.mark.full
    async def test_each_harm_in_each_place(self, target: Target) -> None:
        every = (harm for case, names in target.cases for harm in each_harm(case, names))
        found, answers = await crashes(target, itertools.islice(every, 0, None, STEP))
        print(f"{answers.total()} requests, answered {dict(sorted(answers.items()))}")  # noqa: T201  # figures to look at with `pytest -rP`
        assert not found, "\n".join(found)
        assert answers[422] > answers.total() / 2

    @pytest.mark.full
    @pytest.mark.parametrize("number", range(ROUNDS))
    async def test_several_at_once(self, target: Target, number: int) -> None:
        cases = some(target, min(CASES, IN_ONE_TRANSACTION), SEED + number)
        found, answers = await crashes(target, cases)
        print(f"{answers.total()} requests, answered {dict(sorted(answers.items()))}")  # noqa: T201  # figures to look at with `pytest -rP`
        assert not found, "\n".join(found)
        assert {200, 201, 404, 422} <= answers.keys()


@pytest.mark.full
async def test_a_crash_is_found(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr("app.services.people.user.UserService.me", crash)
    me = (case for case, _ in target.cases if case.row.operation == "read_me")
    found, _ = await crashes(target, me)
    assert found
