"""Who is said to be covered, and by what."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.content.verifier.packs import Forged, refusal
from tests.content.verifier.tampering.changes import (
    Tamper,
    named,
    texts,
)


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


def ask_twice(pack: Forged) -> None:
    pack.put("compliance.json", [pack.values_of("compliance.json")[0]] * 2)
    pack.tabulate("compliance")


def ask_of_another_day(pack: Forged) -> None:
    pack.state(compliance=pack.manifest["compliance"] | {"known_on": "2026-01-01"})


def ask_of_one_day(pack: Forged) -> None:
    pack.state(compliance={"as_of": "2026-01-01"})


COVERS = "compliance.json, item N"
HOLDS_NOTHING = COVERS + " says covered, and nothing holds on the day"
LATER_DAY = COVERS + " names evidence of a later day"
UNKNOWN = COVERS + " names evidence that was not known, or withdrawn"
RUN_OUT = COVERS + " names evidence whose printed expiry is earlier"
MISSING = COVERS + ": the evidence that it names is missing"
NO_DAY = COVERS + ": valid_through is no day"
OTHER_KINDS = COVERS + " has other kinds of values"

TAMPERINGS: dict[Tamper, str] = {
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
    ask_twice: COVERS + " is out of order, or of the same as another",
    ask_of_another_day: COVERS + " is about another day",
    ask_of_one_day: "the manifest's compliance has other days than two",
}


@pytest.mark.parametrize(("tamper", "reason"), TAMPERINGS.items(), ids=named)
def test_changed_with_its_manifest(
    everything: Forged, head: str, tmp_path: Path, tamper: Tamper, reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path, "--seal-head", head) == reason
