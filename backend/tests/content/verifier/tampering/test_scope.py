"""What the manifest says of the pack: its scope, its counts, its days."""

from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    OUTSIDE,
    Tamper,
    named,
    narrow_the_days,
)


def name_another_person(pack: Forged) -> None:
    user_id = pack.values_of("records.json")[-1]["user_id"]
    pack.state(scope={**pack.manifest["scope"], "user_id": user_id})


def name_another_module(pack: Forged) -> None:
    module_id = pack.payloads()[-1]["module_id"]
    pack.state(scope={**pack.manifest["scope"], "module_id": module_id})


def forget_a_bound(pack: Forged) -> None:
    scope = pack.manifest["scope"]
    del scope["from"]
    pack.state(scope=scope)


def add_to_the_manifest(pack: Forged) -> None:
    pack.state(verdict="complete")


def count_otherwise(pack: Forged) -> None:
    pack.state(records=pack.manifest["records"] + 1)


def scope_of_a_number(pack: Forged) -> None:
    pack.state(scope=5)


def bound(**days: object) -> Tamper:
    return lambda pack: pack.state(scope=pack.manifest["scope"] | days)


NO_MANIFEST = "the manifest says other things than a manifest does"

TAMPERINGS: dict[Tamper, str] = {
    narrow_the_days: OUTSIDE,
    name_another_person: OUTSIDE,
    name_another_module: OUTSIDE,
    forget_a_bound: "the manifest's scope is no scope",
    add_to_the_manifest: NO_MANIFEST,
    count_otherwise: "the manifest counts other records",
    scope_of_a_number: "the manifest's scope is no scope",
    bound(to="zzz"): "the scope's to is no day",
    bound(**{"from": ""}): "the scope's from is no day",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
