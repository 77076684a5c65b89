import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.search import LONGEST, MAX_VOCABULARY, corrected, plain_words

WORDS = ["hand", "hygiene", "bloodborne", "pathogens", "radiation", "infection", "control"]


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("hygeine", "hygiene"),
        ("hand hygeine", "hand hygiene"),
        ("Radiaton", "radiation"),
        ("blodborne patogens", "bloodborne pathogens"),
        ("hygiene", None),
        ("hyg", None),
        ("borne", None),
        ("hnd", None),
        ("zebra", None),
        ("", None),
        ("hygeine -hand", None),
        ('"hygeine"', None),
        ("hygeine or radiation", None),
    ],
)
def test_repairs_what_is_misspelt(query: str, meant: str | None) -> None:
    assert corrected(query, WORDS) == meant


@pytest.mark.parametrize("query", ["-a b", '"a b"', "a OR b", "a or b", "  "])
def test_operators_are_no_words(query: str) -> None:
    assert plain_words(query) == []


@given(st.text(max_size=200))
def test_keeps_the_number_of_words(query: str) -> None:
    meant = corrected(query, WORDS)
    assert meant is None or len(meant.split()) == len(query.split())


def test_a_query_of_many_words_against_a_large_catalogue_ends_soon() -> None:
    """It is no longer than what the event loop may be blocked for."""
    longest = "hygiene" * 4
    vocabulary = [f"{chr(97 + n % 26)}{n:x}{longest}"[:LONGEST] for n in range(MAX_VOCABULARY)]
    started = time.process_time()
    corrected(" ".join(["hygeinehygeinehygeinehygeine"] * 40), vocabulary)
    assert time.process_time() - started < 0.05
