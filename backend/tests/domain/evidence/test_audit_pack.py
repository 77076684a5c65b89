from typing import Any

import pytest

from app.domain.evidence.audit_pack import RECORD_COLUMNS, OshaField, cell, flat, missing_fields

COMPLETE: dict[str, Any] = {
    "local_date": "2026-03-01",
    "outline": [{"title": "Gloves"}],
    "content_sha256": "0" * 64,
    "instructors": [{"name": "Ivy Instructor", "qualification": "RN"}],
    "user": {"full_name": "Ann Attendee", "job_title": "Hygienist"},
}
INCOMPLETE: list[tuple[dict[str, Any], OshaField]] = [
    ({"local_date": None}, OshaField.DATES),
    ({"outline": []}, OshaField.CONTENTS),
    ({"content_sha256": ""}, OshaField.CONTENTS),
    ({"instructors": []}, OshaField.TRAINERS),
    ({"instructors": [{"name": "Ivy", "qualification": ""}]}, OshaField.TRAINERS),
    (
        {"instructors": [*COMPLETE["instructors"], {"qualification": "RN"}]},
        OshaField.TRAINERS,
    ),
    ({"user": {"full_name": "Ann", "job_title": None}}, OshaField.ATTENDEES),
    ({"user": {"full_name": None, "job_title": "Hygienist"}}, OshaField.ATTENDEES),
    (
        {"instructors": [{**COMPLETE["instructors"][0], "role": "contact"}]},
        OshaField.TRAINERS,
    ),
]


def test_nothing_is_missing() -> None:
    assert missing_fields(COMPLETE) == []


@pytest.mark.parametrize(("changes", "missing"), INCOMPLETE)
def test_each_field_of_the_regulation(changes: dict[str, Any], missing: OshaField) -> None:
    assert missing_fields({**COMPLETE, **changes}) == [missing]


def test_an_empty_record_misses_everything() -> None:
    assert missing_fields({}) == list(OshaField)


def test_flat_has_every_column() -> None:
    row = flat({"user": {"full_name": "Ann"}, "minutes": 0})
    assert row.keys() == RECORD_COLUMNS.keys()
    assert (row["full_name"], row["minutes"], row["email"]) == ("Ann", 0, None)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-1.5, "-1.5"),
        ("-1.5", "'-1.5"),
        ([], ""),
        (["=1", "b"], "'=1; b"),
    ],
)
def test_cell(value: object, shown: str) -> None:
    assert cell(value) == shown
