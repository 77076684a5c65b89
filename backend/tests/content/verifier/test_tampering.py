"""One thing changed, and everything else made to fit it: the verifier has to name it."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.content.verifier.packs import Forged, Item, refusal

Tamper = Callable[[Forged], None]


def of(pack: Forged) -> tuple[list[Item], list[Item]]:
    return pack.values_of("records.json"), pack.values_of("chains.json")


def says(record: Item, **changes: Any) -> None:
    record["payload"] = json.dumps({**json.loads(record["payload"]), **changes})


def sealed_tail(pack: Forged) -> tuple[list[Item], list[Item], int]:
    """Return records and links without what is not sealed, and where a chain ends."""
    records, links = of(pack)
    unsealed = {link["record_id"] for link in links if link["seal"] is None}
    links = [link for link in links if link["seal"] is not None]
    return [record for record in records if record["id"] not in unsealed], links, 0


# What was sealed


def rewrite_a_sealed_record(pack: Forged) -> None:
    records, links = of(pack)
    says(records[0], minutes=600)
    pack.rehash(records, links)


def rewrite_as_of_last_year(pack: Forged) -> None:
    records, links = of(pack)
    user_id = records[0]["user_id"]
    for record in (it for it in records if it["user_id"] == user_id):
        says(record, minutes=600, recorded_at="2025-01-02T10:00:00.000000Z")
    pack.rehash(records, links)


def rewrite_the_last_sealed_record(pack: Forged) -> None:
    records, links, _ = sealed_tail(pack)
    says(records[-1], score_percent=100)
    pack.rehash(records, links)


def rewrite_and_keep_the_seal(pack: Forged) -> None:
    records, links = of(pack)
    says(records[0], minutes=600)
    pack.rehash(records, links, unseal=False)


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


# What was not sealed


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


# Chains


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


# The scope


def narrow_the_days(pack: Forged) -> None:
    pack.state(scope={**pack.manifest["scope"], "to": "2019-01-01"})


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


# What was taught, and what repeats the records


def content(pack: Forged) -> str:
    return next(name for name in pack if name.startswith("content/"))


def change_content(pack: Forged) -> None:
    pack[content(pack)] += b" "


def change_an_outline(pack: Forged) -> None:
    name = content(pack).replace("content/", "outlines/")
    outline = json.loads(pack[name])
    outline[0]["title"] = "Another title"
    pack[name] = json.dumps(outline).encode()


def remove_content(pack: Forged) -> None:
    del pack[content(pack)]


def remove_content_and_outline(pack: Forged) -> None:
    name = content(pack)
    del pack[name]
    del pack[name.replace("content/", "outlines/")]


def add_content(pack: Forged) -> None:
    sha256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    pack[f"content/{sha256}.json"] = b"{}"
    pack[f"outlines/{sha256}.json"] = b"[]"


def sign_otherwise(pack: Forged) -> None:
    pack.edit("signatures.json", lambda signature: signature.update(printed_name="Somebody Else"))


def unsign(pack: Forged) -> None:
    pack.put("signatures.json", pack.values_of("signatures.json")[:-1])


def miss_nothing(pack: Forged) -> None:
    pack.edit("check.json", lambda check: check.update(missing=[]), which=1)


def check_somebody_else(pack: Forged) -> None:
    pack.edit("check.json", lambda check: check.update(full_name="Somebody Else"))


def deny_a_correction(pack: Forged) -> None:
    checks = pack.values_of("check.json")
    next(check for check in checks if check["corrected_by_id"])["corrected_by_id"] = None
    pack.put("check.json", checks)
    pack.tabulate("check")


# What else is evidence


def texts(pack: Forged, kind: str) -> list[Item]:
    return [item for item in pack.values_of("evidence.json") if item["kind"] == kind]


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


# Tables


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


# Who was covered


def covered(pack: Forged, *, is_so: bool = True) -> int:
    lines = pack.values_of("compliance.json")
    return next(
        number for number, line in enumerate(lines) if (line["status"] == "compliant") == is_so
    )


def cover(**says: Any) -> Tamper:
    """Call somebody covered who never trained."""

    def change(pack: Forged) -> None:
        line = {"status": "compliant", "valid_through": "2099-12-31", **says}
        pack.edit("compliance.json", lambda it: it.update(line), covered(pack, is_so=False))

    return change


def say_of_covered(**says: Any) -> Tamper:
    def change(pack: Forged) -> None:
        pack.edit("compliance.json", lambda it: it.update(says), covered(pack))

    return change


def cover_with_evidence_of_another(pack: Forged) -> None:
    lines = pack.values_of("compliance.json")
    covering = lines[covered(pack)]["met_by"]
    cover(met_by=covering)(pack)


def cover_with(find: Callable[[Forged], str], **says: Any) -> Tamper:
    """Name other evidence of the same person."""

    def change(pack: Forged) -> None:
        met_by = find(pack)
        owner = next(owner for id_, owner in owners(pack) if id_ == met_by)
        lines = pack.values_of("compliance.json")
        line = next(it for it in lines if it["user_id"] == owner)
        line |= {"status": "compliant", "valid_through": "2099-12-31", "met_by": met_by, **says}
        pack.put("compliance.json", lines)
        pack.tabulate("compliance")

    return change


def owners(pack: Forged) -> Iterator[tuple[str, str]]:
    for it in (*pack.payloads(), *pack.values_of("external_trainings.json")):
        yield it["id"], it["user_id"]
    for it in pack.values_of("evidence.json"):
        content = json.loads(it["content"] or "{}")
        for line in (content, *content.get("roster", [])):
            if "user_id" in line:
                yield line["id"], line["user_id"]


def withdrawn_card(pack: Forged) -> str:
    lines = pack.values_of("external_trainings.json")
    return next(str(it["id"]) for it in lines if it["withdrawn_on"])


def valid_card(pack: Forged) -> str:
    lines = pack.values_of("external_trainings.json")
    return next(str(it["id"]) for it in lines if not it["withdrawn_on"])


def corrected_record(pack: Forged) -> str:
    return next(str(it["corrects_id"]) for it in pack.payloads() if it.get("corrects_id"))


def record_of_long_ago(pack: Forged) -> str:
    return next(str(it["id"]) for it in pack.payloads() if it["local_date"] < "2020")


def rejected_card(pack: Forged) -> str:
    return another_text(
        pack, "external_trainings", status="rejected", reviewed_at=last_sealed(pack)
    )


def absent(pack: Forged) -> str:
    line = json.loads(texts(pack, "live_sessions")[0]["content"])["roster"][0]
    line |= {"id": str(UUID(int=2)), "status": "absent"}
    another_text(pack, "live_sessions", roster=[line], closed_at=last_sealed(pack))
    session = {"session_id": str(UUID(int=1)), "closed_at": last_sealed(pack)}
    read = pack.values_of("rosters.json")
    told = {"attendance_id": line["id"], "status": "absent", **session}
    known = next(it for it in read if it["user_id"] == line["user_id"])
    pack.put("rosters.json", [*read, known | told])
    pack.tabulate("rosters")
    return str(line["id"])


def last_sealed(pack: Forged) -> str:
    sealed_at: str = pack.values_of("seals.json")[-1]["sealed_at"]
    return sealed_at


def another_text(pack: Forged, kind: str, **differs: Any) -> str:
    """Add evidence that is not sealed yet, like the first of its kind."""
    first = texts(pack, kind)[0]
    new_id = str(UUID(int=1))
    text = json.dumps({**json.loads(first["content"]), "id": new_id, **differs})
    nowhere = {"seal": None, "position": None, "leaf": None}
    items = pack.values_of("evidence.json")
    pack.put("evidence.json", [*items, first | nowhere | {"id": new_id, "content": text}])
    return new_id


def withdraw_too_late(pack: Forged) -> None:
    """Hide a withdrawal from those who read the table, by telling of it last."""
    items = pack.values_of("evidence.json")
    late = texts(pack, "evidence_withdrawals")
    pack.put("evidence.json", [it for it in items if it not in late] + late)
    lines = pack.values_of("external_trainings.json")
    unread = {"withdrawn_on": None, "withdrawal_reason": None}
    pack.put("external_trainings.json", [it | unread for it in lines])
    pack.tabulate("external_trainings")


def ask(*changes: Tamper, **days: object) -> Tamper:
    """Ask about another day, in the manifest and in every line."""

    def change(pack: Forged) -> None:
        pack.put("compliance.json", [it | days for it in pack.values_of("compliance.json")])
        pack.tabulate("compliance")
        pack.state(compliance=pack.manifest["compliance"] | days)
        for each in changes:
            each(pack)

    return change


def never_expire(pack: Forged) -> None:
    lines = pack.values_of("compliance.json")
    for line in lines:
        line["valid_through"] = None
    pack.put("compliance.json", lines)
    pack.tabulate("compliance")


def ask_for_nothing(pack: Forged) -> None:
    pack.state(compliance=5)


def list_a_number(pack: Forged) -> None:
    pack["compliance.json"] = b"[\n5\n]\n"


def scope_of_a_number(pack: Forged) -> None:
    pack.state(scope=5)


def bound(**days: object) -> Tamper:
    return lambda pack: pack.state(scope=pack.manifest["scope"] | days)


def complete_on(day: object) -> Tamper:
    def change(pack: Forged) -> None:
        records, links = of(pack)
        says(records[2], local_date=day)
        pack.rehash(records, links)

    return change


def ask_twice(pack: Forged) -> None:
    pack.put("compliance.json", [pack.values_of("compliance.json")[0]] * 2)
    pack.tabulate("compliance")


def ask_of_another_day(pack: Forged) -> None:
    pack.state(compliance=pack.manifest["compliance"] | {"known_on": "2026-01-01"})


def ask_of_one_day(pack: Forged) -> None:
    pack.state(compliance={"as_of": "2026-01-01"})


# Files


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


TOLD = " is not what was sealed, and no erasure says so"
CARD_TOLD = "external_trainings ID" + TOLD
UNSIGNED = "record ID: a signature that it names is missing"
ITEM = ".json, item 1 is not what the evidence says"
JSON_TWIN = " is not what the JSON says"
COVERS = "compliance.json, item N"
HOLDS_NOTHING = COVERS + " says covered, and nothing holds on the day"
LATER_DAY = COVERS + " names evidence of a later day"
UNKNOWN = COVERS + " names evidence that was not known, or withdrawn"
RUN_OUT = COVERS + " names evidence whose printed expiry is earlier"
MISSING = COVERS + ": the evidence that it names is missing"
NO_DAY = COVERS + ": valid_through is no day"
OTHER_KINDS = COVERS + " has other kinds of values"
OTHERWISE = "rosters.csv, row 1 is written in another way"
KIND = "external_trainings.csv, row 1: credential_kind" + JSON_TWIN
NEW = " is not sealed, and older than the last seal"
OLD = "record ID" + NEW
OUTSIDE = "record ID is outside the pack's scope"
UNCOVERED = "the chain of person ID, link 1: its seal does not cover it"
LEFT_OUT = "the chain of person ID, link 1 is left out, and the scope leaves nothing out"
OUT_OF_ORDER = "the chain of person ID, link 1: a record is missing or out of order"
NO_TOMBSTONE = "person ID has no tombstone that says what was erased"
NO_HEAD = "the head of the seals that you named is not among the pack's"
NO_MANIFEST = "the manifest says other things than a manifest does"


def leaf(position: int, seal: int) -> str:
    return f"what leaf {position} of seal {seal} covers is missing"


UNTOLD: dict[Tamper, str] = {
    change_a_byte: "records.json is not what the manifest says",
    list_a_hash: "records.json is not what the manifest says",
    add_a_file: "more.txt is not in the manifest",
    remove_a_file: "rosters.csv is missing",
    forget_the_manifest: "this verifier does not know the pack's format",
}
"""Changes that leave the manifest as it was."""

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
    reorder: OUT_OF_ORDER,
    reorder_and_renumber: "the chain of person ID, link 1: the link to the one before is wrong",
    cut_a_chain_in_two: OUT_OF_ORDER,
    give_a_record_to_somebody_else: "record ID: user_id differs from the payload",
    rename_in_a_record: "record ID: the hash does not fit the payload",
    add_to_a_record: "record ID is no record",
    say_a_thing_twice: "a JSON object says something twice",
    narrow_the_days: OUTSIDE,
    name_another_person: OUTSIDE,
    name_another_module: OUTSIDE,
    forget_a_bound: "the manifest's scope is no scope",
    add_to_the_manifest: NO_MANIFEST,
    count_otherwise: "the manifest counts other records",
    change_content: "content/ID.json has another hash",
    change_an_outline: "record ID: its outline is another one",
    remove_content: "the content or its outline is missing: ID",
    remove_content_and_outline: "record ID: its content is missing",
    add_content: "no record is about this content: ID",
    sign_otherwise: "signatures.json does not fit record ID",
    unsign: "signatures.json does not fit record ID",
    miss_nothing: "check.json does not fit record ID",
    check_somebody_else: "check.json does not fit record ID",
    deny_a_correction: "check.json does not fit record ID",
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
    cover(met_by=None): HOLDS_NOTHING,
    cover(met_by=str(UUID(int=1))): COVERS + ": the evidence that it names is missing",
    cover_with_evidence_of_another: COVERS + " names evidence of somebody else",
    say_of_covered(valid_through="2020-12-31"): HOLDS_NOTHING,
    say_of_covered(status="covered"): COVERS + " has no status",
    say_of_covered(reconciling="false"): COVERS + " has other kinds of values",
    say_of_covered(name=["Somebody"]): COVERS + " has other kinds of values",
    say_of_covered(valid_through="zzz"): NO_DAY,
    say_of_covered(valid_through="20991231"): NO_DAY,
    say_of_covered(valid_through="2099-13-01"): NO_DAY,
    say_of_covered(valid_through="2099-12-31\n"): NO_DAY,
    say_of_covered(due_on="soon"): COVERS + ": due_on is no day",
    say_of_covered(user_id=None): OTHER_KINDS,
    say_of_covered(requirement_id=None): OTHER_KINDS,
    say_of_covered(due_on=5): OTHER_KINDS,
    ask(as_of="2000-01-01"): LATER_DAY,
    ask(never_expire, as_of="2100-01-01"): RUN_OUT,
    ask(known_on="2026-01-01"): UNKNOWN,
    ask(cover_with(record_of_long_ago), as_of="2020-01-01", known_on="2020-01-01"): UNKNOWN,
    cover_with(withdrawn_card): UNKNOWN,
    cover_with(corrected_record): UNKNOWN,
    cover_with(rejected_card): MISSING,
    cover_with(absent): MISSING,
    cover_with(valid_card, valid_through="2100-01-01"): RUN_OUT,
    cover_with(valid_card, valid_through=None): RUN_OUT,
    withdraw_too_late: "evidence_withdrawals ID comes after what it withdraws",
    ask(as_of=None): "the manifest's as_of is no day",
    ask(as_of="2026-W01-1"): "the manifest's as_of is no day",
    ask(known_on="today"): "the manifest's known_on is no day",
    ask_for_nothing: "the manifest's compliance has other days than two",
    list_a_number: "compliance.csv, row N: the JSON has other columns",
    scope_of_a_number: "the manifest's scope is no scope",
    bound(to="zzz"): "the scope's to is no day",
    bound(**{"from": ""}): "the scope's from is no day",
    complete_on("2026-2-30"): "record ID: local_date is no day",
    complete_on(None): "record ID: local_date is no day",
    ask_twice: COVERS + " is out of order, or of the same as another",
    ask_of_another_day: COVERS + " is about another day",
    ask_of_one_day: "the manifest's compliance has other days than two",
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
    add_and_list_a_file: "more.txt is no file of a pack",
    lead_outside: "../outside.txt is no file of a pack",
    name_alike: "Records.csv is no file of a pack",
    remove_and_unlist_a_file: "rosters.csv is missing",
    nest_deeply: "the pack cannot be read (RecursionError)",
    write_an_endless_number: "a number is too long",
    without_lines: "chains.json ends within a line, or has one that is too long",
    say_more_after_the_end: "rosters.json goes on after its end",
}


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


PARTIAL: dict[Tamper, str] = {
    exclude_a_sealed_hash: "the chain of person ID, link 2: its seal does not cover it",
    name_everything: LEFT_OUT,
    name_a_whole_person: LEFT_OUT,
    add_a_person_without_records: "person 00000000 has no record in the pack's scope",
    erase_for_a_part: "person ID: a part of the chain is erased",
    rewrite_and_keep_the_seal: "the chain of person ID, link 2: its seal does not cover it",
    rewrite_as_of_last_year: OLD,
    narrow_the_days: OUTSIDE,
}
"""Changes to a pack of one module."""


def named(value: object) -> str:
    return getattr(value, "__qualname__", "").partition(".")[0]


@pytest.fixture
def head(everything: Forged) -> str:
    """The true head of the seals, known as to an auditor who noted it earlier."""
    known: str = everything.manifest["seal_head"]
    return known


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


@pytest.mark.parametrize(("tamper", "reason"), PARTIAL.items(), ids=named)
def test_changed_in_a_part(
    part: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(part)
    part.state()
    assert refusal(part, tmp_path, "--seal-head", head) == reason
