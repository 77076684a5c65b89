import csv
import io
import uuid
from collections.abc import AsyncIterator
from datetime import date

import pytest

from app.domain.compliance import ComplianceStatus
from app.repositories.compliance.report import Line
from app.repositories.compliance.report_scope import ReportScope
from app.services.compliance.report_export import csv_chunks

DAY = date(2027, 3, 1)


async def lines_of(name: str) -> AsyncIterator[Line]:
    yield Line(
        user_id=uuid.uuid4(),
        full_name=name,
        email="somebody@unified.example",
        employee_number=None,
        location_id=None,
        location=None,
        department=None,
        job_title=None,
        requirement_id=uuid.uuid4(),
        requirement="Radiation safety",
        status=ComplianceStatus.OVERDUE,
        due_on=DAY,
        valid_through=None,
        met_by=None,
        reconciling=False,
    )


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        pytest.param("  =1+1", id="behind-spaces"),
        pytest.param("\uff1d1+1", id="full-width"),
        pytest.param("'=1+1", id="with-an-apostrophe-already"),
    ],
)
async def test_a_formula_becomes_text_that_can_be_read_back(name: str) -> None:
    chunks = [chunk async for chunk in csv_chunks(lines_of(name), ReportScope(DAY))]
    [row] = csv.DictReader(io.StringIO(b"".join(chunks).decode("utf-8-sig")))
    assert row["name"] == f"'{name}"


async def test_days_and_what_is_missing_stay_as_they_are() -> None:
    chunks = [chunk async for chunk in csv_chunks(lines_of("Grace Molar"), ReportScope(DAY))]
    [row] = csv.DictReader(io.StringIO(b"".join(chunks).decode("utf-8-sig")))
    assert (row["name"], row["due_on"], row["location"]) == ("Grace Molar", "2027-03-01", "")
