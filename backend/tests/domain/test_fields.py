from datetime import UTC, date, datetime
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from app.domain.fields import Day, Flag, Instant, Whole

COUNT = TypeAdapter[int](Annotated[int, Field(strict=True), Whole])
DAY = TypeAdapter[date](Day)
FLAG = TypeAdapter[bool](Flag)
INSTANT = TypeAdapter[datetime](Instant)


def refusal(adapter: TypeAdapter[Any], value: object) -> str:
    with pytest.raises(ValidationError) as refused:
        adapter.validate_python(value)
    [error] = refused.value.errors()
    return error["type"]


class TestDay:
    @pytest.mark.parametrize("text", ["0001-01-01", "2027-11-20", "9999-12-31"])
    def test_is_a_date(self, text: str) -> None:
        assert DAY.validate_python(text) == date.fromisoformat(text)

    @pytest.mark.parametrize(
        "value", [0, 86_400, "86400", "20271120", "2027-11-20T00:00:00Z", "2027-1-1", None, True]
    )
    def test_is_nothing_else(self, value: object) -> None:
        assert refusal(DAY, value) == "not_iso_8601"

    def test_exists(self) -> None:
        assert refusal(DAY, "2027-02-29") == "date_from_datetime_parsing"


class TestInstant:
    @pytest.mark.parametrize("text", ["2027-11-20T17:30:00Z", "2027-11-20T09:30:00-08:00"])
    def test_is_kept_in_utc(self, text: str) -> None:
        found = INSTANT.validate_python(text)
        assert (found, found.tzinfo) == (datetime(2027, 11, 20, 17, 30, tzinfo=UTC), UTC)

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


@pytest.mark.parametrize("value", ["true", "yes", 1, 0, None])
def test_flags_are_true_or_false(value: object) -> None:
    assert refusal(FLAG, value) == "bool_type"
