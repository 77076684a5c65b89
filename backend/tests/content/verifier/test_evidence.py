"""The texts that records rest on, and what people read of them."""

import hashlib
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.content.verifier.packs import Forged, Item, refusal, verify_here

Tamper = Callable[[Forged], None]
LONG_AGO = "2025-01-02T10:00:00.000000+00:00"
OLD = " ID is not sealed, and older than the last seal"
SOMETHING_ELSE = " ID: the text is of something else"
VERSIONS, LISTS = 20, 20_000
MOST_BYTES = 12 << 20


def item_of(kind: str, change: Callable[[Item], Any]) -> Tamper:
    """Change the first text of a kind."""

    def tamper(pack: Forged) -> None:
        items = pack.values_of("evidence.json")
        change(next(item for item in items if item["kind"] == kind))
        pack.put("evidence.json", items)

    return tamper


def text_of(kind: str, **says: Any) -> Tamper:
    """Let the first text of a kind say something else, as if it had not been sealed yet."""

    def change(item: Item) -> None:
        if says:
            item["content"] = json.dumps({**json.loads(item["content"]), **says})
        item["seal"] = item["position"] = item["leaf"] = None

    return item_of(kind, change)


def version_of_the_first_record(**says: Any) -> Tamper:
    def tamper(pack: Forged) -> None:
        version_id = pack.payloads()[0]["version_id"]
        items = pack.values_of("evidence.json")
        item = next(item for item in items if item["id"] == version_id)
        item["content"] = json.dumps({**json.loads(item["content"]), **says})
        item["seal"] = item["position"] = item["leaf"] = None
        pack.put("evidence.json", items)

    return tamper


def backdate(covers: str) -> Tamper:
    """Let a seal, and those before it, be older than what it covers."""

    def tamper(pack: Forged) -> None:
        seals = pack.values_of("seals.json")
        number = next(seal["number"] for seal in seals if seal["covers"] == covers)
        for seal in seals[:number]:
            seal["sealed_at"] = LONG_AGO
        pack.put("seals.json", seals)

    return tamper


def untold(kind: str) -> Tamper:
    return item_of(kind, lambda item: item.update(content=None))


def another_leaf(pack: Forged) -> None:
    item_of("signatures", lambda item: item.update(leaf="f" * 64))(pack)


def last_is_missing(name: str) -> Tamper:
    def tamper(pack: Forged) -> None:
        pack.put(f"{name}.json", pack.values_of(f"{name}.json")[:-1])
        pack.tabulate(name)

    return tamper


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (
            item_of("erasures", lambda item: item.update(note="Checked.")),
            "erasures ID is no evidence of a pack",
        ),
        (
            item_of("erasures", lambda item: item.update(kind="employment_changes")),
            "employment_changes ID is no evidence of a pack",
        ),
        (text_of("signatures", id=str(UUID(int=1))), "signatures" + SOMETHING_ELSE),
        (text_of("signatures", evidence="erasures"), "signatures" + SOMETHING_ELSE),
        (text_of("signatures"), "signatures ID is sealed, and the pack denies it"),
        (
            item_of("signatures", lambda item: item.update(kind="erasures")),
            "erasures" + SOMETHING_ELSE,
        ),
        (text_of("signatures", created_at=LONG_AGO), "signatures" + OLD),
        (text_of("live_sessions", closed_at=LONG_AGO), "live_sessions" + OLD),
        (text_of("external_trainings", reviewed_at=LONG_AGO), "external_trainings" + OLD),
        (backdate("module_versions"), "module_versions ID is younger than its seal"),
        (backdate("external_trainings"), "media ID is younger than its seal"),
        (untold("signatures"), "signatures ID is not what was sealed, and no erasure says so"),
        (another_leaf, "signatures ID is not what was sealed, and no erasure says so"),
        (
            version_of_the_first_record(outline=[]),
            "record ID: its version has another outline",
        ),
        (
            version_of_the_first_record(content_sha256="f" * 64),
            "record ID: its version is missing, or of another content",
        ),
        (
            version_of_the_first_record(content="f" * 64),
            "record ID: its version is missing, or of another content",
        ),
        (
            version_of_the_first_record(content="f" * 64, content_sha256="f" * 64),
            "record ID: its version is missing, or of another content",
        ),
        (last_is_missing("rosters"), "rosters.json, item 2 is not what the evidence says"),
        (last_is_missing("questions"), "questions.json, item 1 is not what the evidence says"),
        (
            last_is_missing("external_trainings"),
            "external_trainings.json, item 2 is not what the evidence says",
        ),
    ],
)
def test_is_refused(everything: Forged, tmp_path: Path, tamper: Tamper, reason: str) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path) == reason


@pytest.mark.parametrize("name", ["section_id", "printed_name", "meaning", "document_sha256"])
def test_a_signature_is_all_that_it_says(everything: Forged, tmp_path: Path, name: str) -> None:
    text_of("signatures", **{name: "Another"})(everything)
    everything.state()
    assert refusal(everything, tmp_path) == "record ID: a signature that it names is missing"


def test_a_signature_belongs_to_its_enrollment(everything: Forged, tmp_path: Path) -> None:
    text_of("signatures", enrollment_id=str(UUID(int=1)))(everything)
    everything.state()
    assert refusal(everything, tmp_path) == "record ID: a signature that it names is missing"


@pytest.mark.parametrize("is_told", [True, False])
def test_a_text_may_be_what_an_erasure_left_of_it(
    everything: Forged, tmp_path: Path, *, is_told: bool
) -> None:
    (tombstone, *_), (signature, *_) = (
        [it for it in everything.values_of("evidence.json") if it["kind"] == kind]
        for kind in ("erasures", "signatures")
    )
    left = json.dumps({**json.loads(signature["content"]), "user_id": None})
    item_of("signatures", lambda item: item.update(content=left))(everything)
    sha256 = hashlib.sha256(left.encode()).hexdigest() if is_told else "f" * 64
    told = {"kind": "signatures", "record_id": signature["id"], "hash": sha256}
    erased = [*json.loads(tombstone["content"])["erased"], told]
    text_of("erasures", erased=erased)(everything)
    everything.state()
    if is_told:
        (tmp_path / "pack.zip").write_bytes(everything.archive())
        assert verify_here(tmp_path / "pack.zip").stderr == ""
    else:
        reason = "signatures ID is not what was sealed, and no erasure says so"
        assert refusal(everything, tmp_path) == reason


@pytest.mark.parametrize("write", [str.lower, str.upper])
def test_the_file_of_evidence_is_there(
    everything: Forged, tmp_path: Path, write: Callable[[str], str]
) -> None:
    reference = write(str(UUID(int=0xABC)))
    text_of("external_trainings", evidence_reference=reference)(everything)
    everything.state()
    assert refusal(everything, tmp_path) == "external_trainings ID: the file ID is missing"


def test_a_file_is_as_young_as_what_names_it(everything: Forged, tmp_path: Path) -> None:
    """A scan that was uploaded long ago, of evidence that was verified since the last seal."""
    now = everything.values_of("seals.json")[-1]["sealed_at"]
    items = everything.values_of("evidence.json")
    texts = [json.loads(item["content"] or "{}") for item in items]
    brought = next(it for it in texts if it.get("evidence") == "external_trainings")
    said = {
        brought["id"]: {"created_at": LONG_AGO, "reviewed_at": now},
        brought["evidence_reference"]: {"completed_at": LONG_AGO, "created_at": LONG_AGO},
    }
    for item, text in zip(items, texts, strict=True):
        if changes := said.get(text.get("id")):
            item["content"] = json.dumps({**text, **changes})
            item["seal"] = item["position"] = item["leaf"] = None
    everything.put("evidence.json", items)
    everything.edit("external_trainings.json", lambda line: line.update(reviewed_at=now))
    everything.state()
    assert re.fullmatch(r"what leaf \d of seal \d covers is missing", refusal(everything, tmp_path))


def test_evidence_may_be_on_paper(everything: Forged, tmp_path: Path) -> None:
    text_of("external_trainings", evidence_reference="Binder 7")(everything)
    line = {"evidence_reference": "Binder 7", "evidence_sha256": None}
    everything.edit("external_trainings.json", lambda it: it.update(line))
    everything.state()
    assert refusal(everything, tmp_path) == "what leaf 1 of seal 14 covers is missing"


def title(pack: Forged, shown: str | None) -> None:
    """Let the roster name the module otherwise."""
    pack.put(
        "rosters.json", [it | {"module_title": shown} for it in pack.values_of("rosters.json")]
    )
    pack.tabulate("rosters")
    pack.state()


class TestTitles:
    """Rosters name the newest title that is in the pack, in whatever order its versions come."""

    def version(self, pack: Forged) -> Item:
        """Return the version that was taught in class."""
        items = pack.values_of("evidence.json")
        (session,) = (json.loads(it["content"]) for it in items if it["kind"] == "live_sessions")
        return next(
            it
            for it in items
            if it["kind"] == "module_versions" and session["module_id"] in it["content"]
        )

    @pytest.mark.parametrize("number", [0, 2])
    @pytest.mark.parametrize("behind", [0, 1])
    def test_of_two(self, everything: Forged, tmp_path: Path, number: int, behind: int) -> None:
        version = self.version(everything)
        now = everything.values_of("seals.json")[-1]["sealed_at"]
        says = {"id": str(UUID(int=1)), "number": number, "title": "Another title"}
        says["created_at"] = now
        text = json.dumps({**json.loads(version["content"]), **says})
        nowhere = {"seal": None, "position": None, "leaf": None}
        other = {**version, **nowhere, "id": says["id"], "content": text}
        items = everything.values_of("evidence.json")
        place = items.index(version) + behind
        everything.put("evidence.json", [*items[:place], other, *items[place:]])
        if number == 2:
            title(everything, "Another title")
        everything.state()
        (tmp_path / "pack.zip").write_bytes(everything.archive())
        assert verify_here(tmp_path / "pack.zip").stderr == ""

    def test_of_none(self, everything: Forged, tmp_path: Path) -> None:
        version = self.version(everything)
        items = everything.values_of("evidence.json")
        items.remove(version)
        everything.put("evidence.json", items)
        title(everything, None)
        assert refusal(everything, tmp_path) == "what leaf 1 of seal 8 covers is missing"


@pytest.mark.full
def test_outlines_take_no_more_memory_than_their_text(everything: Forged, tmp_path: Path) -> None:
    """Parsed, each of these empty lists would take thirty times as much."""
    items = everything.values_of("evidence.json")
    version = next(item for item in items if item["kind"] == "module_versions")
    says = json.loads(version["content"])
    says["created_at"] = everything.values_of("seals.json")[-1]["sealed_at"]
    for number in range(VERSIONS):
        says |= {"id": str(UUID(int=number)), "module_id": str(UUID(int=number))}
        text = json.dumps({**says, "outline": [[]] * LISTS}, separators=(",", ":"))
        nowhere = {"seal": None, "position": None, "leaf": None}
        items.append({**version, **nowhere, "id": says["id"], "content": text})
    everything.put("evidence.json", items)
    everything.state()
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    tracemalloc.start()
    try:
        assert verify_here(tmp_path / "pack.zip").returncode == 0
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
