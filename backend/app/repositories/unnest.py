"""Passes many rows to one statement as an array for each column, joined again by `unnest`."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


def unnesting(statement: str, *kinds: TypeEngine[Any]) -> TextClause:
    """Return the statement with `{rows}` replaced by an `unnest` of columns of these types."""
    names = [f"c{index}" for index in range(len(kinds))]
    rows = "unnest({})".format(", ".join(f":{name}" for name in names))
    parameters = [
        bindparam(name, type_=ARRAY(kind)) for name, kind in zip(names, kinds, strict=True)
    ]
    return text(statement.replace("{rows}", rows)).bindparams(*parameters)


def columns(rows: Sequence[tuple[object, ...]]) -> dict[str, list[object]]:
    """Return the parameters of an `unnesting` statement."""
    return {f"c{index}": list(column) for index, column in enumerate(zip(*rows, strict=True))}
