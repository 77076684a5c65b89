"""Tables for people, beside the JSON that they repeat."""

from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    ITEM,
    Tamper,
    named,
)


def replace(name: str, old: bytes, new: bytes) -> Tamper:
    def change(pack: Forged) -> None:
        assert old in pack[name]
        pack[name] = pack[name].replace(old, new, 1)

    return change


def one_column(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        rows = pack[name].split(b"\r\n")
        pack[name] = b"\r\n".join(row.split(b",")[0] for row in rows)

    return change


def last_column(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        rows = pack[name].split(b"\r\n")
        pack[name] = b"\r\n".join(row.rpartition(b",")[0] for row in rows)

    return change


def fewer_rows(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        pack[name] = pack[name].rstrip(b"\r\n").rpartition(b"\r\n")[0] + b"\r\n"

    return change


def more_rows(name: str) -> Tamper:
    def change(pack: Forged) -> None:
        pack[name] += pack[name].rstrip(b"\r\n").rpartition(b"\r\n")[2] + b"\r\n"

    return change


def another_column(pack: Forged) -> None:
    pack["records.csv"] = pack["records.csv"].replace(b"\r\n", b",\r\n")


def without_mark(pack: Forged) -> None:
    pack["records.csv"] = pack["records.csv"].removeprefix(b"\xef\xbb\xbf")


def another_column_in_json(pack: Forged) -> None:
    pack.edit("rosters.json", lambda line: line.update(signed="yes"))


JSON_TWIN = " is not what the JSON says"
OTHERWISE = "rosters.csv, row 1 is written in another way"
KIND = "external_trainings.csv, row 1: credential_kind" + JSON_TWIN

TAMPERINGS: dict[Tamper, str] = {
    replace("compliance.csv", b",compliant,", b",due_soon,"): "compliance.csv, row N: status"
    + JSON_TWIN,
    more_rows("compliance.csv"): "compliance.csv has more rows than the JSON",
    replace("records.csv", b"Hygienist", b"Dentist"): "records.csv, row 1: job_title" + JSON_TWIN,
    replace("questions.csv", b"'=1+1", b"=1+1"): "questions.csv, row 1: question" + JSON_TWIN,
    replace("external_trainings.csv", b"bls", b"rdh"): KIND,
    replace("rosters.csv", b"attended", b'"attended"'): OTHERWISE,
    one_column("records.csv"): "records.csv, header has other columns",
    one_column("rosters.csv"): "rosters.csv, header has other columns",
    one_column("questions.csv"): "questions.csv, header has other columns",
    one_column("external_trainings.csv"): "external_trainings.csv, header has other columns",
    last_column("check.csv"): "check.csv, header has other columns",
    fewer_rows("records.csv"): "records.csv, row 9 is missing",
    fewer_rows("rosters.csv"): "rosters.csv, row 2 is missing",
    more_rows("check.csv"): "check.csv has more rows than the JSON",
    more_rows("questions.csv"): "questions.csv has more rows than the JSON",
    another_column: "records.csv, header has other columns",
    without_mark: "records.csv does not begin with its mark",
    another_column_in_json: "rosters" + ITEM,
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
