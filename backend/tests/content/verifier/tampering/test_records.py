"""Records that are rewritten, removed or added, and seals that are denied."""

from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, Item, refusal
from tests.content.verifier.tampering.changes import (
    LEFT_OUT,
    NO_TOMBSTONE,
    OLD,
    OUT_OF_ORDER,
    UNCOVERED,
    Tamper,
    leaf,
    named,
    of,
    rewrite_and_keep_the_seal,
    rewrite_as_of_last_year,
    says,
)


def sealed_tail(pack: Forged) -> tuple[list[Item], list[Item], int]:
    """Return records and links without what is not sealed, and where a chain ends."""
    records, links = of(pack)
    unsealed = {link["record_id"] for link in links if link["seal"] is None}
    links = [link for link in links if link["seal"] is not None]
    return [record for record in records if record["id"] not in unsealed], links, 0


def rewrite_a_sealed_record(pack: Forged) -> None:
    records, links = of(pack)
    says(records[0], minutes=600)
    pack.rehash(records, links)


def rewrite_the_last_sealed_record(pack: Forged) -> None:
    records, links, _ = sealed_tail(pack)
    says(records[-1], score_percent=100)
    pack.rehash(records, links)


def deny_a_seal(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    links[0]["seal"] = links[0]["position"] = None
    pack.put("chains.json", links)


def borrow_a_leaf(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    sealed = [link for link in links if link["seal"] == 1]
    sealed[0]["position"] = sealed[1]["position"]
    pack.put("chains.json", links)


def remove_a_record(pack: Forged) -> None:
    records, links = of(pack)
    pack.rewrite(records[1:], links)


def remove_a_record_and_its_link(pack: Forged) -> None:
    records, links = of(pack)
    gone = records.pop(0)["id"]
    pack.rewrite(records, [link for link in links if link["record_id"] != gone])


def remove_a_record_and_renumber(pack: Forged) -> None:
    """The first of a person, so that the second becomes the first."""
    records, links = of(pack)
    gone, user_id = records[0]["id"], records[0]["user_id"]
    records = [record for record in records if record["id"] != gone]
    links = [link for link in links if link["record_id"] != gone]
    for number, link in enumerate((it for it in links if it["user_id"] == user_id), 1):
        link["sequence"] = number
    for record in (it for it in records if it["user_id"] == user_id):
        record["sequence"] -= 1
        says(record, sequence=record["sequence"])
    pack.rehash(records, links)


def remove_the_tail(pack: Forged) -> None:
    """A person's records from the second on."""
    records, links = of(pack)
    user_id = records[0]["user_id"]
    pack.rewrite(
        [it for it in records if it["user_id"] != user_id or it["sequence"] < 2],
        [it for it in links if it["user_id"] != user_id or it["sequence"] < 2],
    )


def remove_a_person(pack: Forged) -> None:
    records, links = of(pack)
    user_id = records[0]["user_id"]
    pack.rewrite(
        [it for it in records if it["user_id"] != user_id],
        [it for it in links if it["user_id"] != user_id],
    )


def remove_an_erased_person(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    pack.put("chains.json", [link for link in links if link["state"] != "erased"])


def shorten_an_erased_chain(pack: Forged) -> None:
    pack.put("chains.json", pack.values_of("chains.json")[:-1])


def leave_out_of_everything(pack: Forged) -> None:
    records, links = of(pack)
    gone = records.pop(0)["id"]
    link = next(link for link in links if link["record_id"] == gone)
    link.update(record_id=None, state="excluded")
    pack.rewrite(records, links)


def remove_leaves(pack: Forged) -> None:
    pack.edit("seals.json", lambda seal: seal.update(leaves=None), which=0)


def remove_leaves_and_what_they_cover(pack: Forged) -> None:
    """Let the last seal cover nothing that is in the pack."""
    records, links = of(pack)
    number = max(link["seal"] or 0 for link in links)
    for link in links:
        if link["seal"] == number:
            link["seal"] = link["position"] = None
    pack.edit("seals.json", lambda seal: seal.update(leaves=None), which=number - 1)
    pack.rewrite(records, links)


def change_a_leaf(pack: Forged) -> None:
    pack.edit("seals.json", lambda seal: seal["leaves"].__setitem__(0, "f" * 64))


def change_a_seal(pack: Forged) -> None:
    pack.edit("seals.json", lambda seal: seal.update(hash="f" * 64))


def remove_the_last_seal(pack: Forged) -> None:
    seals = pack.values_of("seals.json")
    gone = seals.pop()
    pack.put("seals.json", seals)
    records, links = of(pack)
    for link in links:
        if link["seal"] == gone["number"]:
            link["seal"] = link["position"] = None
    pack.rewrite(records, links)
    pack.state(seal_head=seals[-1]["hash"])


def remove_all_seals(pack: Forged) -> None:
    records, links = of(pack)
    for link in links:
        link["seal"] = link["position"] = None
    pack.put("seals.json", [])
    pack.rewrite(records, [link for link in links if link["state"] != "erased"])
    pack.state(seal_head="0" * 64)


def append_a_record_of_last_year(pack: Forged) -> None:
    records, links = of(pack)
    says(
        records[-1],
        completed_at="2025-01-02T10:00:00.000000Z",
        recorded_at="2025-01-02T10:00:00.000000Z",
        local_date="2025-01-02",
    )
    pack.rehash(records, links)


def append_an_unknown_correction(pack: Forged) -> None:
    records, links = of(pack)
    other = records[0]["id"]
    records[-1]["corrects_id"] = other
    says(records[-1], corrects_id=other)
    pack.rehash(records, links)


def complete_on(day: object) -> Tamper:
    def change(pack: Forged) -> None:
        records, links = of(pack)
        says(records[2], local_date=day)
        pack.rehash(records, links)

    return change


NO_HEAD = "the head of the seals that you named is not among the pack's"

TAMPERINGS: dict[Tamper, str] = {
    rewrite_a_sealed_record: leaf(1, 1),
    rewrite_as_of_last_year: OLD,
    rewrite_the_last_sealed_record: leaf(2, 6),
    rewrite_and_keep_the_seal: UNCOVERED,
    deny_a_seal: "the chain of person ID, link 1 is sealed, and the pack denies it",
    borrow_a_leaf: UNCOVERED,
    remove_a_record: "record ID is missing, or out of order",
    remove_a_record_and_its_link: OUT_OF_ORDER,
    remove_a_record_and_renumber: leaf(1, 1),
    remove_the_tail: leaf(2, 1),
    remove_a_person: leaf(1, 1),
    remove_an_erased_person: leaf(5, 1),
    shorten_an_erased_chain: NO_TOMBSTONE,
    leave_out_of_everything: LEFT_OUT,
    remove_leaves: UNCOVERED,
    remove_leaves_and_what_they_cover: "seal 6: its leaves are missing",
    change_a_leaf: "seal 1 does not fit its leaves",
    change_a_seal: "seal 1: the hash is wrong",
    remove_the_last_seal: NO_HEAD,
    remove_all_seals: NO_HEAD,
    append_a_record_of_last_year: OLD,
    append_an_unknown_correction: "record ID corrects an unknown record",
    complete_on("2026-2-30"): "record ID: local_date is no day",
    complete_on(None): "record ID: local_date is no day",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
