import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.files.spreadsheet import bare, inert

STARTS = "=+-@\t\r\uff1d\uff0b\uff0d\uff20"


@pytest.mark.parametrize("start", STARTS)
def test_formulas_become_text(start: str) -> None:
    assert inert(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("start", "=+-@")
def test_spaces_hide_no_formula(start: str) -> None:
    assert inert(f"  {start}1+1") == f"'  {start}1+1"


@pytest.mark.parametrize("text", ["", "Hygienist", "a=1", "3 - 2", "José"])
def test_other_text_stays(text: str) -> None:
    assert inert(text) == text


@given(st.text())
def test_nothing_live_and_nothing_lost(text: str) -> None:
    shown = inert(text)
    assert shown[:1] not in set(STARTS)
    assert shown.lstrip()[:1] not in set(STARTS)
    assert bare(shown) == text


def test_an_apostrophe_of_somebody_else_stays() -> None:
    assert bare("'90s") == "'90s"
