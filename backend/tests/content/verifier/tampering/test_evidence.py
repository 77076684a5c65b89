"""What else is evidence: classes, training elsewhere, signatures, files, erasures."""

import re
from pathlib import Path

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    ITEM,
    NEW,
    NO_TOMBSTONE,
    UNCOVERED,
    Tamper,
    leaf,
    named,
    of,
    texts,
)


def retell(kind: str, old: str, new: str, *, keep_leaf: bool = False) -> Tamper:
    """Change a piece of evidence and what repeats it, as if it had not been sealed yet."""

    def change(pack: Forged) -> None:
        items = pack.values_of("evidence.json")
        item = next(it for it in items if it["kind"] == kind and old in it["content"])
        item["content"] = item["content"].replace(old, new)
        if not keep_leaf:
            item["seal"] = item["position"] = item["leaf"] = None
        pack.put("evidence.json", items)
        for name in ("rosters", "questions", "external_trainings"):
            pack[f"{name}.json"] = pack[f"{name}.json"].replace(old.encode(), new.encode())
            pack.tabulate(name)

    return change


def omit(kind: str, readable: str = "") -> Tamper:
    def change(pack: Forged) -> None:
        items = pack.values_of("evidence.json")
        gone = texts(pack, kind)[0]
        pack.put("evidence.json", [item for item in items if item["id"] != gone["id"]])
        if readable:
            lines = pack.values_of(f"{readable}.json")
            kept = [it for it in lines if gone["id"] not in {it.get("id"), it.get("session_id")}]
            pack.put(f"{readable}.json", kept)
            pack.tabulate(readable)

    return change


def swap_a_file(pack: Forged) -> None:
    """Let the scan be another one, as if it had not been sealed yet."""
    sha256 = pack.values_of("external_trainings.json")[0]["evidence_sha256"]
    retell("media", sha256, "f" * 64)(pack)


def change_what_people_read(name: str, column: str) -> Tamper:
    return lambda pack: pack.edit(f"{name}.json", lambda line: line.update({column: "Other"}))


def read_of_somebody_else(pack: Forged) -> None:
    lines = pack.values_of("rosters.json")
    pack.put("rosters.json", [*lines, lines[-1] | {"full_name": "Somebody Else"}])
    pack.tabulate("rosters")


def add_a_card_of_last_year(pack: Forged) -> None:
    items = pack.values_of("evidence.json")
    card = dict(texts(pack, "external_trainings")[0])
    new_id = "01a00000-0000-7000-8000-000000000000"
    text = card["content"].replace(card["id"], new_id)
    text = re.sub(r'"reviewed_at": "[^"]+"', '"reviewed_at": "2025-01-02T10:00:00+00:00"', text)
    card |= {"id": new_id, "content": text, "seal": None, "position": None, "leaf": None}
    pack.put("evidence.json", [*items, card])


def erase_what_was_not(pack: Forged) -> None:
    """Remove a piece of evidence, as if its person had been erased."""
    items = pack.values_of("evidence.json")
    next(it for it in items if it["kind"] == "external_trainings")["content"] = None
    pack.put("evidence.json", items)


def erase_a_person(pack: Forged) -> None:
    records, links = of(pack)
    user_id = links[0]["user_id"]
    gone = [link for link in links if link["user_id"] == user_id and link["seal"]]
    for link in gone:
        link |= {"state": "erased", "record_id": None}
    kept = [it for it in links if it["user_id"] != user_id or it["seal"]]
    pack.rewrite([it for it in records if it["user_id"] != user_id], kept)


def take_a_leaf_of_another_kind(pack: Forged) -> None:
    items = pack.values_of("evidence.json")
    signature = next(it for it in items if it["kind"] == "signatures" and it["seal"])
    links = pack.values_of("chains.json")
    links[0] |= {"seal": signature["seal"], "position": signature["position"]}
    pack.put("chains.json", links)


def call_a_seal_another(pack: Forged) -> None:
    """Make the seal of the records claim to cover a kind that no pack has to contain."""
    pack.edit("seals.json", lambda seal: seal.update(covers="attempt_results", leaves=None))


def remove_a_kinds_leaves(pack: Forged) -> None:
    seals = pack.values_of("seals.json")
    next(seal for seal in seals if seal["covers"] == "live_sessions")["leaves"] = None
    pack.put("seals.json", seals)


TOLD = " is not what was sealed, and no erasure says so"
CARD_TOLD = "external_trainings ID" + TOLD
UNSIGNED = "record ID: a signature that it names is missing"

TAMPERINGS: dict[Tamper, str] = {
    retell("live_sessions", "Ivy Instructor", "Somebody Else"): leaf(1, 12),
    retell("live_sessions", "attended", "absent", keep_leaf=True): "live_sessions ID" + TOLD,
    retell("live_session_questions", "Two.", "Three."): leaf(1, 11),
    retell("external_trainings", "BLS", "ACLS"): leaf(1, 14),
    retell("external_trainings", "verified", "rejected", keep_leaf=True): "external_trainings ID"
    + TOLD,
    retell("module_versions", '"answer_keys": "', '"answer_keys": "0'): leaf(2, 8),
    retell("signatures", "I have read it.", "I have not."): UNSIGNED,
    swap_a_file: leaf(2, 7),
    retell("media", "section/", "other/"): "module_versions ID: the file ID" + NEW,
    retell("media", "section/", "other/", keep_leaf=True): "media ID" + TOLD,
    omit("media"): "module_versions ID: the file ID is missing",
    omit("live_sessions", "rosters"): leaf(1, 12),
    omit("live_session_questions", "questions"): leaf(1, 11),
    omit("evidence_withdrawals"): "external_trainings.json, item 2 is not what the evidence says",
    omit("signatures"): UNSIGNED,
    omit("module_versions"): "record ID: its version is missing, or of another content",
    omit("erasures"): "signatures ID" + TOLD,
    change_what_people_read("rosters", "instructor_qualification"): "rosters" + ITEM,
    change_what_people_read("questions", "answer"): "questions" + ITEM,
    change_what_people_read("external_trainings", "hours"): "external_trainings" + ITEM,
    change_what_people_read("external_trainings", "evidence_sha256"): "external_trainings" + ITEM,
    read_of_somebody_else: "rosters.json has more than the evidence says",
    change_what_people_read("source_checks", "result"): "source_checks" + ITEM,
    retell("source_checks", "confirmed", "not_found", keep_leaf=True): "source_checks ID" + TOLD,
    add_a_card_of_last_year: "external_trainings ID" + NEW,
    erase_what_was_not: CARD_TOLD,
    erase_a_person: NO_TOMBSTONE,
    take_a_leaf_of_another_kind: UNCOVERED,
    call_a_seal_another: "seal 1: the hash is wrong",
    remove_a_kinds_leaves: "live_sessions ID: its seal does not cover it",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
