import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.word import comparable, near


@given(st.text())
def test_comparing_twice_changes_nothing(word: str) -> None:
    assert comparable(comparable(word)) == comparable(word)


@given(st.text(st.characters(codec="utf-8")))
def test_case_and_spaces_make_no_other_word(word: str) -> None:
    for other in (word.upper(), word.casefold(), f"  {word}\t"):
        assert comparable(other) == comparable(word) or word.upper().casefold() != word.casefold()


@pytest.mark.parametrize(
    ("word", "listed", "meant"),
    [
        ("Hygene", ["Hygiene", "Front desk"], ("Hygiene",)),
        ("FRONTDESK", ["Hygiene", "Front desk"], ("Front desk",)),
        ("Hygienists", ["Dental hygienist", "Hygienist"], ("Hygienist", "Dental hygienist")),
        ("Hygene", [], ()),
        ("", ["Hygiene"], ()),
    ],
)
def test_near_words(word: str, listed: list[str], meant: tuple[str, ...]) -> None:
    assert near(word, listed) == meant
