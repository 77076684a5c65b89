"""Changes to a pack of one module."""

from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    LEFT_OUT,
    OLD,
    OUTSIDE,
    Tamper,
    named,
    narrow_the_days,
    of,
    rewrite_and_keep_the_seal,
    rewrite_as_of_last_year,
)


def exclude_a_sealed_hash(pack: Forged) -> None:
    """Change the hash of the last sealed link, and the hash that the next link follows."""
    links = pack.values_of("chains.json")
    which = next(n for n in reversed(range(len(links))) if links[n]["seal"])
    links[which]["hash"] = links[which + 1]["previous_hash"] = "f" * 64
    pack.put("chains.json", links)


def name_everything(pack: Forged) -> None:
    pack.state(scope=dict.fromkeys(pack.manifest["scope"]))


def name_a_whole_person(pack: Forged) -> None:
    user_id = pack.values_of("records.json")[0]["user_id"]
    records, links = of(pack)
    pack.rewrite(
        [it for it in records if it["user_id"] == user_id],
        [it for it in links if it["user_id"] == user_id],
    )
    scope = dict.fromkeys(pack.manifest["scope"]) | {"user_id": user_id}
    pack.state(scope=scope)


def add_a_person_without_records(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    stranger = links[-1] | {"user_id": "0" * 8, "sequence": 1, "previous_hash": "0" * 64}
    stranger |= {"hash": "a" * 64, "seal": None, "position": None}
    pack.put("chains.json", [*links, stranger])


def erase_for_a_part(pack: Forged) -> None:
    pack.edit("chains.json", lambda link: link.update(state="erased", record_id=None))


TAMPERINGS: dict[Tamper, str] = {
    exclude_a_sealed_hash: "the chain of person ID, link 2: its seal does not cover it",
    name_everything: LEFT_OUT,
    name_a_whole_person: LEFT_OUT,
    add_a_person_without_records: "person 00000000 has no record in the pack's scope",
    erase_for_a_part: "person ID: a part of the chain is erased",
    rewrite_and_keep_the_seal: "the chain of person ID, link 2: its seal does not cover it",
    rewrite_as_of_last_year: OLD,
    narrow_the_days: OUTSIDE,
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_in_a_part(
    part: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(part)
    part.state()
    assert refusal(part, tmp_path, "--seal-head", head) == reason
