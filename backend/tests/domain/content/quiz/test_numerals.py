from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.content.quiz.numerals import parse_numeral
from app.domain.fields import NumberError


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", "12"),
        ("21.", "21"),
        ("21,", "21"),
        ("1.8e-4", "0.00018"),
        ("1.8E+4", "18000"),
        ("1.234e3", "1234"),
        ("1,8·10^-4", "0.00018"),
        ("1.8 x 10^4", "18000"),
        ("-1,8\u00d710⁻⁴", "-0.00018"),
        ("2*10^3", "2000"),
        ("10^-3", "0.001"),
        ("10⁴", "10000"),
        ("½", "0.5"),
        ("-½", "-0.5"),
        ("2½", "2.5"),
        ("-2 ¾", "-2.75"),
        ("1/2", "0.5"),
        ("1 1/2", "1.5"),
        ("⅓", "0.3333333333333333"),
        ("12,5", "12.5"),
        ("12.5", "12.5"),
        ("1.234,5", "1234.5"),
        ("1,234.5", "1234.5"),
        ("1 234.5", "1234.5"),
        ("1 234,5", "1234.5"),
        ("1\u202f234,5", "1234.5"),
        ("1\u00a0234", "1234"),
        ("1'234.50", "1234.5"),
        ("1\u2019234,5", "1234.5"),
        ("1.234.567", "1234567"),
        ("1,234,567", "1234567"),
        ("1.234.567,125", "1234567.125"),
        ("1 234.567", "1234.567"),
        ("0.125", "0.125"),
        ("0,125", "0.125"),
        ("1234.567", "1234.567"),
        ("1.2340", "1.234"),
        (".5", "0.5"),
        (",5", "0.5"),
        (" -3,5 ", "-3.5"),
        ("\u22123.5", "-3.5"),
        ("+7", "7"),
        ("\uff11\uff12", "12"),
        ("007", "7"),
    ],
)
def test_reads_what_can_mean_one_thing_only(text: str, number: str) -> None:
    assert parse_numeral(text) == Decimal(number)


@pytest.mark.parametrize("text", ["1,234", "1.234", "12,345", "123.456", "-1,234", "999.000"])
def test_refuses_what_two_locales_read_differently(text: str) -> None:
    with pytest.raises(NumberError) as caught:
        parse_numeral(text)
    assert caught.value.code == "ambiguous_number"
    assert text not in caught.value.detail


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "abc",
            "1E999999999",
            "1/0",
            "1/2/3",
            "e5",
            "nan",
            "inf",
            "Infinity",
            "--1",
            "+-1",
            ".",
        ),
        *("1,2,3", "1.23.456", "1,23,456", "1.234.56", "1,234,56", "1..2", "1,.2", "1 2", "1  234"),
        *("1 234 5", "1.234 567", "1 234'567", "12 %", "$5", "0x10", "1_000", "\u0661", "9" * 41),
        *("1.234,567.8", "1,234.567,8", "\u00b2x", "1 234.567 890", " ' "),
    ],
)
def test_refuses_what_is_no_number(text: str) -> None:
    with pytest.raises(NumberError) as caught:
        parse_numeral(text)
    assert caught.value.code == "not_a_number"


@given(st.decimals(-(10**9), 10**9, places=2))
def test_reads_every_locale_alike(number: Decimal) -> None:
    american = f"{number:,.2f}"
    german = american.translate(str.maketrans(",.", ".,"))
    french = american.replace(",", "\u202f").replace(".", ",")
    swiss = american.replace(",", "'")
    assert {parse_numeral(text) for text in (american, german, french, swiss)} == {number}


@given(st.text(max_size=50))
def test_answers_or_refuses_any_text(text: str) -> None:
    try:
        number = parse_numeral(text)
    except NumberError:
        return
    assert number.is_finite()
