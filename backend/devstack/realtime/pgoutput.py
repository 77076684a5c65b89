"""Reads the messages of PostgreSQL's own plugin for logical decoding (protocol 1)."""

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_KINDS: Final = {b"I": "INSERT", b"U": "UPDATE", b"D": "DELETE"}
_IN_KEY: Final = 1


@dataclass(frozen=True, slots=True)
class Change:
    kind: str
    schema: str
    table: str
    key: Mapping[str, str]
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class _Relation:
    schema: str
    table: str
    columns: tuple[tuple[str, bool], ...]
    """Names, and whether they are of the key."""


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, form: str) -> int:
        [value] = struct.unpack(f">{form}", self.take(struct.calcsize(f">{form}")))
        return int(value)

    def text(self) -> str:
        end = self._data.index(0, self._at)
        return self.take(end - self._at + 1)[:-1].decode()

    def row(self) -> list[str | None]:
        return [self._value() for _ in range(self.number("H"))]

    def _value(self) -> str | None:
        return self.take(self.number("I")).decode() if self.take(1) == b"t" else None


def changes(messages: Iterable[bytes]) -> Iterator[Change]:
    """Return the changes of rows; a message says what the later ones of its relation mean."""
    relations: dict[int, _Relation] = {}
    committed_at = _EPOCH
    for message in messages:
        reader = _Reader(message)
        kind = reader.take(1)
        if kind == b"B":
            reader.take(8)
            committed_at = _EPOCH + timedelta(microseconds=reader.number("q"))
        elif kind == b"R":
            number, relation = _relation(reader)
            relations[number] = relation
        elif kind in _KINDS:
            relation = relations[reader.number("I")]
            key = _key(relation, _last_row(reader))
            yield Change(_KINDS[kind], relation.schema, relation.table, key, committed_at)


def _relation(reader: _Reader) -> tuple[int, _Relation]:
    number = reader.number("I")
    schema, table = reader.text(), reader.text()
    reader.take(1)
    columns = [_column(reader) for _ in range(reader.number("H"))]
    return number, _Relation(schema, table, tuple(columns))


def _column(reader: _Reader) -> tuple[str, bool]:
    flags = reader.number("B")
    name = reader.text()
    reader.take(8)
    return name, bool(flags & _IN_KEY)


def _last_row(reader: _Reader) -> list[str | None]:
    """Return the new row of an update that tells the old one as well, else the only one."""
    row: list[str | None] = []
    while reader.take(1):
        row = reader.row()
    return row


def _key(relation: _Relation, row: list[str | None]) -> dict[str, str]:
    named = zip(relation.columns, row, strict=True)
    return {name: value for (name, in_key), value in named if in_key and value is not None}
