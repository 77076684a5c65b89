"""Tables are what their JSON twins make of them, character by character."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.verifier.pack_verifier import tables
from app.content.verifier.pack_verifier.broken import BrokenError
from app.content.verifier.pack_verifier.tables import Table
from app.core.files.csv_form import csv_lines, csv_start
from app.domain.evidence import audit_pack
from tests.content.verifier.packs import Forged, Item

COLUMNS = ("a", "b")
SIGNS = ["", " ", "\t", "\r", "\n", "'", *tables.FORMULA, "a"]
TEXTS = st.builds("{}{}{}".format, st.sampled_from(SIGNS), st.sampled_from(SIGNS), st.text())
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.lists(TEXTS)


@pytest.mark.parametrize("value", [None, True, False, 0, -1.5, [], ["=1", "b"], ["a", 1, None]])
def test_cells_are_those_of_the_pack(value: object) -> None:
    assert tables.cell(value) == audit_pack.cell(value)


@pytest.mark.parametrize("first", SIGNS)
@pytest.mark.parametrize("then", SIGNS)
def test_texts_are_as_inert_as_in_the_pack(first: str, then: str) -> None:
    text = f"{first}{then}a"
    assert tables.cell(text) == audit_pack.cell(text)


def read(content: bytes, *items: Item) -> None:
    table = Table(Forged({"t.csv": content}), "t.csv", COLUMNS)
    for item in items:
        table.row(item)
    table.end()


@given(st.lists(st.tuples(VALUES, VALUES), max_size=3))
def test_the_packs_own_form_is_taken(rows: list[tuple[Any, Any]]) -> None:
    lines = csv_lines([[audit_pack.cell(value) for value in row] for row in rows])
    content = (csv_start(COLUMNS) + lines).encode("utf-8", "surrogatepass")
    read(content, *(dict(zip(COLUMNS, row, strict=True)) for row in rows))


@pytest.mark.parametrize(
    ("content", "item", "reason"),
    [
        ("a,b\r\n", {}, "t.csv does not begin with its mark"),
        ("\ufeff", {}, "t.csv, header is missing"),
        ("\ufeffa\r\n", {}, "t.csv, header has other columns"),
        ("\ufeffa,c\r\n", {}, "t.csv, header: b is not what the JSON says"),
        ("\ufeffa,b\n", {}, "t.csv, header is written in another way"),
        ("\ufeffa,b\r\n", {}, "t.csv, row 1: the JSON has other columns"),
        ("\ufeffa,b\r\n", {"a": 1}, "t.csv, row 1: the JSON has other columns"),
        ("\ufeffa,b\r\n", {"a": 1, "b": 2, "c": 3}, "t.csv, row 1: the JSON has other columns"),
        ("\ufeffa,b\r\n", {"a": 1, "b": 2}, "t.csv, row 1 is missing"),
        ("\ufeffa,b\r\n1,2,3\r\n", {"a": 1, "b": 2}, "t.csv, row 1 has other columns"),
        ("\ufeffa,b\r\n2,2\r\n", {"a": 1, "b": 2}, "t.csv, row 1: a is not what the JSON says"),
        ("\ufeffa,b\r\n1,3\r\n", {"a": 1, "b": 2}, "t.csv, row 1: b is not what the JSON says"),
        (
            '\ufeffa,b\r\n"1\r0",3\r\n',
            {"a": "1\r0", "b": 2},
            "t.csv, row 1: b is not what the JSON says",
        ),
        ("\ufeffa,b\r\n1\r2,2\r\n", {"a": 1, "b": 2}, "t.csv, row 1 has other columns"),
        ("\ufeffa,b\r\n1,2\r\n1", {"a": 1, "b": 2}, "t.csv has more rows than the JSON"),
    ],
)
def test_is_refused(content: str, item: Item, reason: str) -> None:
    with pytest.raises(BrokenError) as broken:
        read(content.encode(), item)
    assert str(broken.value) == reason


def test_rows_are_counted() -> None:
    item = {"a": 1, "b": 2}
    with pytest.raises(BrokenError, match=r"^t\.csv, row 2 is missing$"):
        read("\ufeffa,b\r\n1,2\r\n".encode(), item, item)
