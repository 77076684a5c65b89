import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError, create_model

from app.domain.fields import (
    MAX_JSON_CHARACTERS,
    Day,
    ExactNumber,
    Flag,
    Folded,
    HundredthsNumber,
    Instant,
    JsonMap,
    Label,
    Line,
    NumberError,
    OneLine,
    Reason,
    RecentDay,
    ShortText,
    Statement,
    StorableText,
    Value,
    Whole,
    WrittenText,
    decimals,
    default_number,
    exact_number,
    is_name,
    is_storable,
    json_number,
    normalise_text,
)
from tests.domain.wording import is_sentence

COUNT = TypeAdapter[int](Annotated[int, Field(strict=True), Whole])
DAY = TypeAdapter[date](Day)
RECENT = TypeAdapter[date](RecentDay)
FLAG = TypeAdapter[bool](Flag)
INSTANT = TypeAdapter[datetime](Instant)
NUMBER = TypeAdapter[Decimal](ExactNumber)
HUNDREDTHS = TypeAdapter[Decimal](HundredthsNumber)
STORABLE = TypeAdapter[str](StorableText)
WRITTEN = TypeAdapter[str](WrittenText)
SHORT = TypeAdapter[str](ShortText)
LINE = TypeAdapter[str](Line)
ONE_LINE = TypeAdapter[str](OneLine)
FOLDED = TypeAdapter[str](Folded)
LABEL = TypeAdapter[str](Label)
REASON = TypeAdapter[str](Reason)
STATEMENT = TypeAdapter[str](Statement)
JSON = TypeAdapter[dict[str, Any]](JsonMap)

INVISIBLE = [
    "\u200b",
    "\u0301",
    "\u202e",
    "\u2066\u2069",
    "\u3164",
    "\u2800",
    "\U0001d159",
    "\U00013441\U00013442",
    "\ufe0f",
    "\ufeff \u0308",
]


def refusal(adapter: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    [error] = refused.value.errors()
    assert is_sentence(error["msg"])
    return error["type"]


class TestDay:
    @pytest.mark.parametrize("text", ["0001-01-01", "9999-12-31"])
    def test_is_none_that_the_database_takes_for_infinity(self, text: str) -> None:
        assert refusal(DAY, text) == "out_of_range"

    @pytest.mark.parametrize("text", ["0001-01-02", "2027-11-20", "9999-12-30"])
    def test_is_a_date(self, text: str) -> None:
        assert DAY.validate_python(text) == date.fromisoformat(text)

    @pytest.mark.parametrize(
        "value", [0, 86_400, "86400", "20271120", "2027-11-20T00:00:00Z", "2027-1-1", None, True]
    )
    def test_is_nothing_else(self, value: object) -> None:
        assert refusal(DAY, value) == "not_iso_8601"

    def test_exists(self) -> None:
        assert refusal(DAY, "2027-02-29") == "date_from_datetime_parsing"


class TestRecentDay:
    def test_since_1900(self) -> None:
        assert RECENT.validate_python("1900-01-01") == date(1900, 1, 1)
        assert refusal(RECENT, "1899-12-31") == "too_early"


class TestInstant:
    @pytest.mark.parametrize("text", ["2027-11-20T17:30:00Z", "2027-11-20T09:30:00-08:00"])
    def test_is_kept_in_utc(self, text: str) -> None:
        found = INSTANT.validate_python(text)
        assert found == datetime(2027, 11, 20, 17, 30, tzinfo=UTC)
        assert found.tzinfo is UTC

    def test_has_a_zone(self) -> None:
        assert refusal(INSTANT, "2027-11-20T17:30:00") == "timezone_aware"

    @pytest.mark.parametrize("value", [0, 1_782_000_000, "1782000000", "2027-11-20", None])
    def test_is_nothing_else(self, value: object) -> None:
        assert refusal(INSTANT, value) == "not_iso_8601"

    @pytest.mark.parametrize(
        "text",
        [
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999Z",
            "9999-12-31T23:59:59-14:00",
        ],
    )
    def test_keeps_off_the_ends_of_the_calendar(self, text: str) -> None:
        assert refusal(INSTANT, text) == "out_of_range"

    @pytest.mark.parametrize("text", ["0001-01-02T00:00:00Z", "9999-12-30T23:59:59Z"])
    def test_reaches_nearly_to_them(self, text: str) -> None:
        assert INSTANT.validate_python(text) == datetime.fromisoformat(text)


class TestWhole:
    @pytest.mark.parametrize("value", [3, 3.0])
    def test_is_one_number_to_json(self, value: float) -> None:
        assert COUNT.validate_python(value) == 3

    @pytest.mark.parametrize("value", [3.5, float("nan"), float("inf"), "3", True])
    def test_is_nothing_else(self, value: object) -> None:
        assert refusal(COUNT, value) == "int_type"


@pytest.mark.parametrize("end", ["\n", "\t", "\u2028", "\u2029"])
class TestOneLine:
    @pytest.mark.parametrize("adapter", [LINE, LABEL], ids=["line", "label"])
    def test_is_not_several(self, adapter: TypeAdapter[str], end: str) -> None:
        assert refusal(adapter, f"Ada{end}Floss") == "several_lines"
        assert adapter.validate_python(f"{end}Ada Floss{end}") == "Ada Floss"

    def test_names_are_on_one(self, end: str) -> None:
        assert not is_name(f"Ada{end}Floss")

    def test_reasons_may_be_several(self, end: str) -> None:
        assert REASON.validate_python(f"a{end}b") == f"a{end}b"

    def test_what_older_rows_may_hold_is_folded(self, end: str) -> None:
        assert FOLDED.validate_python(f"a{end}b\x07c") == "a b c"


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, None])
def test_flags_are_true_or_false(value: object) -> None:
    assert refusal(FLAG, value) == "bool_type"


class TestExactNumber:
    @pytest.mark.parametrize(
        ("value", "exact"),
        [
            (0, "0"),
            (7, "7"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (Decimal("1.10"), "1.10"),
            (1e-12, "1E-12"),
            (-1e-12, "-1E-12"),
            (999_999_999_999_999, "999999999999999"),
            (-999_999_999_999_999, "-999999999999999"),
        ],
    )
    def test_is_what_json_spells(self, value: float | Decimal, exact: str) -> None:
        assert str(exact_number(value)) == exact

    @pytest.mark.parametrize("zero", [0, -0.0, Decimal("-0"), Decimal("0E-20")])
    def test_there_is_one_zero(self, zero: float | Decimal) -> None:
        assert str(exact_number(zero)) == "0"

    @pytest.mark.parametrize(
        ("value", "code"),
        [
            (True, "not_a_number"),
            ("7", "not_a_number"),
            (None, "not_a_number"),
            (10**15, "number_out_of_range"),
            (-(10**15), "number_out_of_range"),
            (10**400, "number_out_of_range"),
            (float("nan"), "number_out_of_range"),
            (float("inf"), "number_out_of_range"),
            (9e-13, "number_out_of_range"),
            (-9e-13, "number_out_of_range"),
            (Decimal("0.12345678901234567890"), "number_too_precise"),
            (Decimal(10**14) + Decimal("0.001"), "number_too_precise"),
        ],
    )
    def test_refuses_what_would_come_back_changed(self, value: object, code: str) -> None:
        with pytest.raises(NumberError) as refused:
            exact_number(value)
        assert refused.value.code == code
        assert refused.value.detail == str(refused.value)
        assert is_sentence(refused.value.detail)
        assert refusal(NUMBER, value) == code

    @given(st.decimals(-(10**6), 10**6, places=6))
    def test_json_and_back(self, number: Decimal) -> None:
        assert exact_number(json_number(exact_number(number))) == number

    @pytest.mark.parametrize(
        ("number", "spelled"), [("5", "5"), ("5.0", "5"), ("-0.5", "-0.5"), ("1E+2", "100")]
    )
    def test_whole_numbers_have_no_point(self, number: str, spelled: str) -> None:
        assert json.dumps(json_number(Decimal(number))) == spelled
        assert NUMBER.dump_json(Decimal(number)) == spelled.encode()

    @pytest.mark.parametrize(("number", "spelled"), [("5", "5"), ("12.5", "12.5")])
    def test_a_default_is_exact_here_and_a_number_in_the_schema(
        self, number: str, spelled: str
    ) -> None:
        model = create_model("Asked", hours=(ExactNumber, default_number(number)))
        [found] = model().model_dump().values()
        schema = model.model_json_schema()["properties"]["hours"]
        assert (type(found), str(found)) == (Decimal, number)
        assert json.dumps(schema["default"]) == spelled


class TestDecimals:
    @pytest.mark.parametrize(
        ("number", "digits"),
        [("0", 0), ("100", 0), ("1E+2", 0), ("1.50", 1), ("0.25", 2), ("0.125", 3), ("NaN", 0)],
    )
    def test_trailing_zeros_do_not_count(self, number: str, digits: int) -> None:
        assert decimals(Decimal(number)) == digits

    def test_hundredths_are_kept_and_thousandths_refused(self) -> None:
        assert HUNDREDTHS.validate_python(Decimal("0.25")) == Decimal("0.25")
        assert refusal(HUNDREDTHS, Decimal("0.125")) == "number_too_precise"


class TestNormaliseText:
    """Answers or names that look the same to people must become equal."""

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("  Two \t Words\n", "two words"),
            ("caf\u00e9", "CAFE\u0301"),
            ("\uff27love", "glove"),
            ("stra\u00dfe", "STRASSE"),
            ("it\u2019s", "it's"),
            ("\u201chi\u201d", '"hi"'),
            ("a\u2013b \u2212 c", "a-b - c"),
            ("hy\u00adphen", "hyphen"),
            ("no\u200bbreak", "nobreak"),
            ("a\u00a0b", "a b"),
            ("\u1e9e\u0345", "ss\u03b9"),
        ],
    )
    def test_one_text(self, one: str, other: str) -> None:
        assert normalise_text(one) == normalise_text(other)

    @pytest.mark.parametrize(
        ("text", "kept"), [("Ada  B", "Ada B"), ("\u00c9mile\u200b", "\u00c9mile")]
    )
    def test_case_can_matter(self, text: str, kept: str) -> None:
        assert normalise_text(text, case_sensitive=True) == kept
        assert normalise_text(text) == kept.lower()

    @given(st.text(max_size=60), st.booleans())
    def test_is_stable(self, text: str, case_sensitive: bool) -> None:  # noqa: FBT001  # drawn
        once = normalise_text(text, case_sensitive=case_sensitive)
        assert normalise_text(once, case_sensitive=case_sensitive) == once

    @pytest.mark.parametrize(("marks", "joiners"), [(30, 0), (31, 1), (60, 1), (61, 2), (90, 2)])
    def test_runs_of_marks_are_broken_up_in_long_texts(self, marks: int, joiners: int) -> None:
        """UAX 15, D4: at most 30 marks in a row. A joiner is put before the first one too many."""
        text = "x" * 200 + "\u0301" * marks
        found = normalise_text(text, case_sensitive=True)
        assert found.count("\u034f") == joiners
        assert found.replace("\u034f", "") == text
        assert max(map(len, found.lstrip("x").split("\u034f"))) == min(marks, 30)

    @pytest.mark.parametrize(("marks", "joiners"), [(30, 0), (31, 1)])
    def test_a_text_may_begin_with_marks(self, marks: int, joiners: int) -> None:
        assert normalise_text("\u0301" * marks + "x" * 200).count("\u034f") == joiners

    def test_runs_in_a_text_count_one_by_one(self) -> None:
        text = "x" * 200 + ("\u0301" * 20 + "x") * 5
        assert "\u034f" not in normalise_text(text)

    @pytest.mark.parametrize(("length", "joiners"), [(199, 0), (200, 1)])
    def test_short_texts_are_left_alone(self, length: int, joiners: int) -> None:
        text = "x" * (length - 40) + "\u0301" * 40
        assert normalise_text(text).count("\u034f") == joiners


class TestTexts:
    @pytest.mark.parametrize("text", ["a\x00b", "\ud800", "a\udfff"])
    def test_the_database_could_not_keep_it(self, text: str) -> None:
        assert not is_storable(text)
        assert refusal(STORABLE, text) == "unstorable_text"

    @pytest.mark.parametrize("text", ["", "a\tb\n", "\ud7ff\ue000", "\U0001f9b7"])
    def test_the_database_can_keep_it(self, text: str) -> None:
        assert is_storable(text)
        assert STORABLE.validate_python(text) == text

    @pytest.mark.parametrize(
        ("written", "kept"),
        [("  a\r\nb\rc\n ", "a\nb\nc"), ("a\tb", "a\tb"), ("\r\n x \r", "x")],
    )
    def test_line_ends_are_written_one_way(self, written: str, kept: str) -> None:
        assert WRITTEN.validate_python(written) == kept

    def test_spaces_and_lines_are_one_space(self) -> None:
        assert ONE_LINE.validate_python(" Ann\t \n Lee\u00a0Ray ") == "Ann Lee Ray"

    @pytest.mark.parametrize("text", ["a\x08b", "a\x0bb", "a\x1fb", "a\x7fb", "a\x9fb", "\ufffe"])
    def test_xml_and_spreadsheets_could_not_keep_it(self, text: str) -> None:
        assert refusal(WRITTEN, text) == "unstorable_text"

    @pytest.mark.parametrize("text", ["", " \t\n", "\u200b", " \u00ad\u2003"])
    def test_blank(self, text: str) -> None:
        assert refusal(SHORT, text) == "blank_text"

    @pytest.mark.parametrize("kind", [SHORT, LINE, LABEL, REASON, STATEMENT])
    @pytest.mark.parametrize("text", INVISIBLE)
    def test_nothing_can_be_seen(self, kind: TypeAdapter[str], text: str) -> None:
        assert refusal(kind, text) == "blank_text"

    @pytest.mark.parametrize("kind", [LINE, LABEL, REASON])
    @pytest.mark.parametrize("text", ["Ann\u202enhoJ", "\u2066Ann\u2069"])
    def test_reads_in_another_order(self, kind: TypeAdapter[str], text: str) -> None:
        assert refusal(kind, text) == "reordered_text"

    @pytest.mark.parametrize("text", [*INVISIBLE, "", "a\x00", "\ud800a", "a\x07", "a\u202eb"])
    def test_is_no_name(self, text: str) -> None:
        assert not is_name(text)

    @pytest.mark.parametrize("text", ["a", "Zoe\u0308 Li", "\u05d0\u200f!"])
    def test_is_a_name(self, text: str) -> None:
        assert is_name(text)

    @pytest.mark.parametrize("kind", [LINE, LABEL, REASON])
    def test_a_line_holds_no_control_character(self, kind: TypeAdapter[str]) -> None:
        assert refusal(kind, "Ann\x07") == "unstorable_text"

    # Persian parts letters by invisible characters; Hebrew may be marked as right to left.
    @pytest.mark.parametrize(
        "text", ["\u0645\u06cc\u200c\u0631\u0648\u062f", "\u05d0\u200f!", "e\u0301"]
    )
    def test_a_name_of_another_script(self, text: str) -> None:
        assert LINE.validate_python(text) == text

    @pytest.mark.parametrize("text", ["a", "\u200ba", " . "])
    def test_not_blank(self, text: str) -> None:
        assert SHORT.validate_python(text) == text.strip()


class TestJson:
    def test_keeps_what_fits(self) -> None:
        fits = {"a": "\u00e9" * (MAX_JSON_CHARACTERS - len('{"a": ""}'))}
        assert JSON.validate_python(fits) == fits
        assert refusal(JSON, {"a": fits["a"] + "b"}) == "too_large"

    @pytest.mark.parametrize("text", ["\x00", "\ud800", "a\x00b"])
    @pytest.mark.parametrize("where", ["key", "value"])
    def test_the_database_could_not_keep_it(self, text: str, where: str) -> None:
        value = {text: 1} if where == "key" else {"a": [{"b": text}]}
        assert refusal(JSON, value) == "unstorable_text"


class Sample(Value):
    day: date
    score: ExactNumber


def test_values_are_written_as_json() -> None:
    sample = Sample(day=date(2027, 3, 1), score=Decimal("2.5"))
    assert sample.as_json() == {"day": "2027-03-01", "score": 2.5}
