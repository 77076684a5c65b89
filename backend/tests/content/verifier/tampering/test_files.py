"""Files that are added, removed or written otherwise."""

import json
from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    Tamper,
    named,
)


def change_a_byte(pack: Forged) -> None:
    pack["records.json"] = pack["records.json"].replace(b"Hygienist", b"Hygienisd", 1)


def list_a_hash(pack: Forged) -> None:
    manifest = pack.manifest
    manifest["files"]["records.json"]["sha256"] = "0" * 64
    pack["manifest.json"] = json.dumps(manifest).encode()


def add_a_file(pack: Forged) -> None:
    pack["more.txt"] = b"Trust me."


def add_and_list_a_file(pack: Forged) -> None:
    add_a_file(pack)
    pack.state()


def lead_outside(pack: Forged) -> None:
    pack["../outside.txt"] = b""
    pack.state()


def name_alike(pack: Forged) -> None:
    pack["Records.csv"] = b"id\r\n"
    pack.state()


def remove_a_file(pack: Forged) -> None:
    del pack["rosters.csv"]


def remove_and_unlist_a_file(pack: Forged) -> None:
    remove_a_file(pack)
    pack.state()


def forget_the_manifest(pack: Forged) -> None:
    pack["manifest.json"] = b"{}"


def nest_deeply(pack: Forged) -> None:
    pack["rosters.json"] = b"[\n" + b"[" * 100_000 + b"]" * 100_000 + b"\n]\n"


def write_an_endless_number(pack: Forged) -> None:
    pack.edit("seals.json", lambda seal: seal.update(record_count=10**30))


def without_lines(pack: Forged) -> None:
    pack["chains.json"] = json.dumps(pack.values_of("chains.json")).encode()


def say_more_after_the_end(pack: Forged) -> None:
    pack["rosters.json"] += b'[{"full_name":"Somebody Else"}]\n'


UNTOLD: dict[Tamper, str] = {
    change_a_byte: "records.json is not what the manifest says",
    list_a_hash: "records.json is not what the manifest says",
    add_a_file: "more.txt is not in the manifest",
    remove_a_file: "rosters.csv is missing",
    forget_the_manifest: "this verifier does not know the pack's format",
}
"""Changes that leave the manifest as it was."""

TAMPERINGS: dict[Tamper, str] = {
    add_and_list_a_file: "more.txt is no file of a pack",
    lead_outside: "../outside.txt is no file of a pack",
    name_alike: "Records.csv is no file of a pack",
    remove_and_unlist_a_file: "rosters.csv is missing",
    nest_deeply: "the pack cannot be read (RecursionError)",
    write_an_endless_number: "a number is too long",
    without_lines: "chains.json ends within a line, or has one that is too long",
    say_more_after_the_end: "rosters.json goes on after its end",
}


@pytest.mark.parametrize(("tamper", "reason"), UNTOLD.items(), ids=named)
def test_changed(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    assert refusal(everything, tmp_path, "--seal-head", head) == reason


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
