"""How an auditor's pack shows a record, and which fields of 29 CFR 1910.1030 it lacks."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final

from app.core.files.spreadsheet import inert

FORMAT: Final = 7

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
    """Return the required fields that the record does not have."""
    # A contact on file is no trainer. Only those count whose class the person attended.
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


ROSTER_COLUMNS: Final = (
    "session_id",
    "module_id",
    "module_title",
    "starts_at",
    "duration_minutes",
    "mode",
    "place",
    "instructor_name",
    "instructor_qualification",
    "closed_at",
    "attendance_id",
    "user_id",
    "full_name",
    "job_title",
    "status",
    "marked_by_id",
    "marked_at",
)
QUESTION_COLUMNS: Final = ("id", "session_id", "user_id", "question", "answer", "created_at")
EXTERNAL_COLUMNS: Final = (
    "id",
    "user_id",
    "full_name",
    "email",
    "job_title",
    "provider",
    "title",
    "instructor_name",
    "instructor_qualification",
    "completed_on",
    "hours",
    "module_id",
    "credential_kind",
    "printed_expiry",
    "credential_number",
    "issuing_state",
    "evidence_reference",
    "evidence_sha256",
    "provider_number",
    "ce_category",
    "ce_delivery",
    "reviewed_by_id",
    "reviewed_at",
    "review_reason",
    "withdrawn_on",
    "withdrawal_reason",
)

SOURCE_CHECK_COLUMNS: Final = (
    "id",
    "evidence_id",
    "user_id",
    "source",
    "reference",
    "checked_on",
    "result",
    "next_check_on",
    "note",
    "checked_by_id",
    "created_at",
)


def roster(session: Mapping[str, Any], module_title: str | None) -> Iterator[dict[str, Any]]:
    """Yield the lines of a closed session's roster, from the session's text as evidence."""
    for line in session.get("roster") or ():
        known = {"session_id": session["id"], "module_title": module_title}
        known |= {"attendance_id": line["id"]}
        of_line = {"user_id", "full_name", "job_title", "status", "marked_by_id", "marked_at"}
        for name in ROSTER_COLUMNS:
            if name not in known:
                known[name] = (line if name in of_line else session).get(name)
        yield known


def external(
    evidence: Mapping[str, Any],
    withdrawal: Mapping[str, Any] | None,
    file: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the line of external evidence, from its text and those of withdrawal and file."""
    person = evidence.get("user_snapshot") or {}
    withdrawn = withdrawal or {}
    known = {
        **{name: person.get(name) for name in ("full_name", "email", "job_title")},
        "withdrawn_on": withdrawn.get("recorded_on"),
        "withdrawal_reason": withdrawn.get("reason"),
        "evidence_sha256": (file or {}).get("sha256"),
    }
    return {name: known.get(name, evidence.get(name)) for name in EXTERNAL_COLUMNS}
