"""Reads the files of a pack with limits on what they take, since a pack may be hostile."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Iterator
from typing import IO, Any, cast

from .archive import Pack
from .broken import BrokenError, require
from .patience import patience

CHUNK = 1 << 20
# Parsed JSON can take thirty times the memory of its text.
LONGEST = 1 << 23
LONGEST_NUMBER = 18
LONGEST_FRACTION = 40


def digest_of(pack: Pack, name: str, limit: int) -> tuple[str, int]:
    """Return the SHA-256 and the size of a file; refuse one that is longer than `limit`."""
    digest = hashlib.sha256()
    size = 0
    with pack.open(name) as stream:
        while True:
            patience.require_time()
            chunk = stream.read(min(CHUNK, limit + 1 - size))
            if not chunk:
                return digest.hexdigest(), size
            digest.update(chunk)
            size += len(chunk)
            require(size <= limit, name + " is longer than the manifest says")


def parse(text: str) -> Any:  # noqa: ANN401  # JSON
    """Parse JSON; refuse what other parsers may read differently.

    That is a name that is repeated within an object, a very long or large number, and NaN.
    """
    return json.loads(
        text,
        object_pairs_hook=_members,
        parse_int=_integer,
        parse_float=_fraction,
        parse_constant=_constant,
    )


def written(value: object) -> str:
    """Write a JSON value in one way, in which 3, 3.0 and true differ, as to Python they do not."""
    return json.dumps(value, sort_keys=True)


def same(one: object, other: object) -> bool:
    return written(one) == written(other)


def has_members(value: object, names: set[str]) -> bool:
    return isinstance(value, dict) and set(value) == names


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    require(len(members) == len(pairs), "a JSON object says something twice")
    return members


def _integer(digits: str) -> int:
    require(len(digits) <= LONGEST_NUMBER, "a number is too long")
    return int(digits)


def _fraction(digits: str) -> float:
    number = float(digits)
    require(len(digits) <= LONGEST_FRACTION and math.isfinite(number), "a number is too long")
    return number


def _constant(name: str) -> None:
    raise BrokenError("JSON has no " + name)


def read_json(pack: Pack, name: str) -> Any:  # noqa: ANN401  # JSON
    patience.require_time()
    with pack.open(name) as stream:
        text = stream.read(LONGEST + 1)
    require(len(text) <= LONGEST, name + " is too long")
    return parse(text.decode())


def items(pack: Pack, name: str) -> Iterator[Any]:
    """Yield the items of a JSON array written with one item a line, without reading all of it."""
    with pack.open(name) as stream:
        lines = io.BufferedReader(cast("io.RawIOBase", stream), CHUNK)
        first = _line(lines, name)
        more = first == b"[\n"
        require(more or first == b"[]\n", name + " is no list with an item a line")
        while more:
            line = _line(lines, name)
            more = line.endswith(b",\n")
            yield parse(line[: -2 if more else -1].decode())
            require(more or _line(lines, name) == b"]\n", name + " does not end as a list")
        require(not lines.read(1), name + " goes on after its end")


def _line(lines: IO[bytes], name: str) -> bytes:
    patience.require_time()
    line = lines.readline(LONGEST)
    require(line.endswith(b"\n"), name + " ends within a line, or has one that is too long")
    return line
