"""Links of chains, and records that do not fit theirs."""

from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    OUT_OF_ORDER,
    Tamper,
    named,
    of,
    says,
)


def reorder(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    links[0], links[1] = links[1], links[0]
    pack.put("chains.json", links)


def reorder_and_renumber(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    links[0], links[1] = links[1], links[0]
    links[0]["sequence"], links[1]["sequence"] = 1, 2
    pack.put("chains.json", links)


def cut_a_chain_in_two(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    pack.put("chains.json", [*links[1:], links[0] | {"sequence": 1}])


def give_a_record_to_somebody_else(pack: Forged) -> None:
    pack.edit("records.json", lambda record: record.update(user_id=pack.payloads()[-1]["user_id"]))


def rename_in_a_record(pack: Forged) -> None:
    records, links = of(pack)
    says(records[0], user={"full_name": "Somebody Else"})
    pack.rewrite(records, links)


def add_to_a_record(pack: Forged) -> None:
    pack.edit("records.json", lambda record: record.update(note="Reviewed and found complete."))


def say_a_thing_twice(pack: Forged) -> None:
    text = pack["records.json"]
    pack["records.json"] = text.replace(b'"sequence":', b'"sequence":9,"sequence":', 1)


TAMPERINGS: dict[Tamper, str] = {
    reorder: OUT_OF_ORDER,
    reorder_and_renumber: "the chain of person ID, link 1: the link to the one before is wrong",
    cut_a_chain_in_two: OUT_OF_ORDER,
    give_a_record_to_somebody_else: "record ID: user_id differs from the payload",
    rename_in_a_record: "record ID: the hash does not fit the payload",
    add_to_a_record: "record ID is no record",
    say_a_thing_twice: "a JSON object says something twice",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
