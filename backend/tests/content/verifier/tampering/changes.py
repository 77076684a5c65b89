"""Changes that several kinds of tampering are made of, and what the verifier says of them."""

import json
from collections.abc import Callable
from typing import Any

from tests.content.verifier.packs import Forged, Item

Tamper = Callable[[Forged], None]

ITEM = ".json, item 1 is not what the evidence says"
NEW = " is not sealed, and older than the last seal"
OLD = "record ID" + NEW
OUTSIDE = "record ID is outside the pack's scope"
UNCOVERED = "the chain of person ID, link 1: its seal does not cover it"
LEFT_OUT = "the chain of person ID, link 1 is left out, and the scope leaves nothing out"
OUT_OF_ORDER = "the chain of person ID, link 1: a record is missing or out of order"
NO_TOMBSTONE = "person ID has no tombstone that says what was erased"


def of(pack: Forged) -> tuple[list[Item], list[Item]]:
    return pack.values_of("records.json"), pack.values_of("chains.json")


def says(record: Item, **changes: Any) -> None:
    record["payload"] = json.dumps({**json.loads(record["payload"]), **changes})


def rewrite_as_of_last_year(pack: Forged) -> None:
    records, links = of(pack)
    user_id = records[0]["user_id"]
    for record in (it for it in records if it["user_id"] == user_id):
        says(record, minutes=600, recorded_at="2025-01-02T10:00:00.000000Z")
    pack.rehash(records, links)


def rewrite_and_keep_the_seal(pack: Forged) -> None:
    records, links = of(pack)
    says(records[0], minutes=600)
    pack.rehash(records, links, unseal=False)


def narrow_the_days(pack: Forged) -> None:
    pack.state(scope={**pack.manifest["scope"], "to": "2019-01-01"})


def content(pack: Forged) -> str:
    return next(name for name in pack if name.startswith("content/"))


def texts(pack: Forged, kind: str) -> list[Item]:
    return [item for item in pack.values_of("evidence.json") if item["kind"] == kind]


def leaf(position: int, seal: int) -> str:
    return f"what leaf {position} of seal {seal} covers is missing"


def named(value: object) -> str:
    return getattr(value, "__qualname__", "").partition(".")[0]
