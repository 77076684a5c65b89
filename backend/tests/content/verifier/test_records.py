"""Each record with its link, its repeats in other files, and the moment at which it was written."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.content.verifier.pack_verifier import compliance, records
from app.content.verifier.pack_verifier.tables import TWINS
from app.domain.compliance import ComplianceStatus
from app.domain.evidence import audit_pack
from app.services.compliance.report_export import COLUMNS
from app.services.evidence.audit_pack.spool import CHECK_COLUMNS
from tests.content.verifier.packs import Forged, refusal
from tests.domain.evidence.test_audit_pack import COMPLETE, INCOMPLETE

Tamper = Callable[[Forged], None]
LONG_AGO = "2025-01-02T10:00:00.000000Z"
OLD = "record ID is not sealed, and older than the last seal"
OTHERWISE = "record ID: its link says something else"
MISSING = "record ID is missing, or out of order"


@pytest.mark.parametrize(
    "changes", [{}, {"instructors": None}, {"user": None}, *(changes for changes, _ in INCOMPLETE)]
)
def test_what_osha_misses_is_what_the_pack_says(changes: dict[str, Any]) -> None:
    payload = {**COMPLETE, **changes}
    assert records.missing_fields(payload) == audit_pack.missing_fields(payload)


def test_the_columns_are_those_of_the_pack() -> None:
    assert records.COLUMNS == audit_pack.RECORD_COLUMNS
    assert records.CHECK == CHECK_COLUMNS
    assert compliance.COLUMNS == COLUMNS
    assert set(ComplianceStatus) == compliance.STATUSES
    assert TWINS == {
        "rosters": audit_pack.ROSTER_COLUMNS,
        "questions": audit_pack.QUESTION_COLUMNS,
        "external_trainings": audit_pack.EXTERNAL_COLUMNS,
        "source_checks": audit_pack.SOURCE_CHECK_COLUMNS,
    }


def edit_record(**changes: Any) -> Tamper:
    return lambda pack: pack.edit("records.json", lambda record: record.update(changes))


def rename_everywhere_but_in_the_payload(pack: Forged) -> None:
    pack.edit("records.json", lambda record: record.update(id=str(UUID(int=1))))
    pack.edit("chains.json", lambda link: link.update(record_id=str(UUID(int=1))))


def link_of_somebody_else(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    first = links[0]["user_id"]
    for link in links:
        if link["user_id"] == first:
            link["user_id"] = str(UUID(int=1))
    pack.put("chains.json", links)


def link_of_another_hash(pack: Forged) -> None:
    pack.edit("chains.json", lambda link: link.update(hash="f" * 64), which=2)


def unsealed(**says: Any) -> Tamper:
    """Let the first record that is not sealed say something else."""

    def change(pack: Forged) -> None:
        items, links = pack.values_of("records.json"), pack.values_of("chains.json")
        items[2]["payload"] = json.dumps({**json.loads(items[2]["payload"]), **says})
        pack.rehash(items, links)

    return change


def another_number(pack: Forged) -> None:
    pack.edit("records.json", lambda record: record.update(sequence=9), which=2)
    unsealed(sequence=9)(pack)


def another_link_before(pack: Forged) -> None:
    items, links = pack.values_of("records.json"), pack.values_of("chains.json")
    text = "f" * 64 + items[2]["payload"]
    items[2]["hash"] = links[2]["hash"] = hashlib.sha256(text.encode()).hexdigest()
    items[2]["previous_hash"] = "f" * 64
    pack.rewrite(items, links)


def backdate_a_seal(pack: Forged) -> None:
    pack.edit("seals.json", lambda seal: seal.update(sealed_at=LONG_AGO))


def fewer(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        pack.put(name, pack.values_of(name)[:-1])
        pack.tabulate(name.removesuffix(".json"))

    return change


def more(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        items = pack.values_of(name)
        pack.put(name, [*items, items[-1]])

    return change


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (rename_everywhere_but_in_the_payload, "record ID: id differs from the payload"),
        (edit_record(sequence=9), "record ID: sequence differs from the payload"),
        (edit_record(corrects_id=1), "record ID: corrects_id differs from the payload"),
        (link_of_somebody_else, OTHERWISE),
        (link_of_another_hash, OTHERWISE),
        (another_number, OTHERWISE),
        (another_link_before, OTHERWISE),
        (backdate_a_seal, "record ID is younger than its seal"),
        (unsealed(recorded_at=LONG_AGO), OLD),
        (unsealed(recorded_at=None, corrected_at=LONG_AGO), OLD),
        (unsealed(recorded_at=None, completed_at=LONG_AGO), OLD),
        (fewer("records.json"), MISSING),
        (fewer("check.json"), "check.json does not fit record ID"),
        (more("records.json"), "records.json has more than the chains have"),
        (more("signatures.json"), "signatures.json has more than the chains have"),
        (more("check.json"), "check.json has more than the chains have"),
    ],
)
def test_is_refused(everything: Forged, tmp_path: Path, tamper: Tamper, reason: str) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path) == reason


@pytest.mark.parametrize(
    "says",
    [
        {"completed_at": LONG_AGO},
        {"completed_at": LONG_AGO, "corrected_at": LONG_AGO},
        {"recorded_at": None, "corrected_at": "2099-01-01T00:00:00Z", "completed_at": LONG_AGO},
    ],
)
def test_it_counts_when_it_was_written(
    everything: Forged, tmp_path: Path, says: dict[str, Any]
) -> None:
    """What is recorded today may be about a day of last year."""
    unsealed(**says)(everything)
    assert refusal(everything, tmp_path, "--sealed").startswith("not sealed: record ID, ")
