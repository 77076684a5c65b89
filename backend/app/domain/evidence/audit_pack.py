"""What an auditor's pack says about a record: a flat view, and what 29 CFR 1910.1030 misses."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from app.core.files.spreadsheet import inert

FORMAT: Final = 1

RECORD_COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "id": ("id",),
    "user_id": ("user_id",),
    "sequence": ("sequence",),
    "full_name": ("user", "full_name"),
    "email": ("user", "email"),
    "job_title": ("user", "job_title"),
    "department": ("user", "department"),
    "location": ("user", "location"),
    "module_id": ("module_id",),
    "module_title": ("module_title",),
    "version": ("version",),
    "language": ("language",),
    "content_sha256": ("content_sha256",),
    "started_at": ("started_at",),
    "completed_at": ("completed_at",),
    "local_date": ("local_date",),
    "time_zone": ("time_zone",),
    "minutes": ("minutes",),
    "score_percent": ("score_percent",),
    "delivery_method": ("delivery_method",),
    "ce_hours": ("ce_hours",),
    "corrects_id": ("corrects_id",),
}
"""Column of records.csv: where its value is in the record's payload."""


def flat(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {column: _at(payload, path) for column, path in RECORD_COLUMNS.items()}


def _at(payload: Mapping[str, Any], path: tuple[str, ...]) -> Any:  # noqa: ANN401  # JSON
    value: Any = payload
    for key in path:
        value = (value or {}).get(key)
    return value


def cell(value: object) -> str:
    """Return a value as a spreadsheet shows it; the JSON twin beside it keeps it exactly."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list):
        return inert("; ".join(str(item) for item in value))
    return str(value)


class OshaField(StrEnum):
    """29 CFR 1910.1030(h)(2)(i)(A) to (D), in this order."""

    DATES = "dates"
    CONTENTS = "contents_or_summary"
    TRAINERS = "names_and_qualifications_of_trainers"
    ATTENDEES = "names_and_job_titles_of_attendees"


def missing_fields(payload: Mapping[str, Any]) -> list[OshaField]:
    """Return what the record would have to say and does not."""
    # A contact on file taught nobody: those count whose class was attended.
    trainers = [each for each in payload.get("instructors") or [] if each.get("role") != "contact"]
    user = payload.get("user") or {}
    present = {
        OshaField.DATES: bool(payload.get("local_date")),
        OshaField.CONTENTS: bool(payload.get("outline")) and bool(payload.get("content_sha256")),
        OshaField.TRAINERS: bool(trainers)
        and all(trainer.get("name") and trainer.get("qualification") for trainer in trainers),
        OshaField.ATTENDEES: bool(user.get("full_name")) and bool(user.get("job_title")),
    }
    return [field for field in OshaField if not present[field]]
