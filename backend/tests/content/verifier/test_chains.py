"""The chain of each person, and the scope of the pack."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.content.verifier.packs import Forged, Item, refusal, verify_here

NO_LINK = "the chain of person ID, link 1 is no link"


def edit_link(which: int, **changes: Any) -> Callable[[Forged], None]:
    return lambda pack: pack.edit("chains.json", lambda link: link.update(changes), which)


def name_the_record_of_an_erased_link(pack: Forged) -> None:
    known = pack.values_of("chains.json")[0]["record_id"]
    edit_link(-2, record_id=known)(pack)


def repeat_a_chain(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    first = [link for link in links if link["user_id"] == links[0]["user_id"]]
    pack.put("chains.json", [*links, *first])


def erased_first(pack: Forged) -> None:
    links = pack.values_of("chains.json")
    pack.put("chains.json", sorted(links, key=lambda link: bool(link["state"] == "included")))


def narrow_to_somebody_else(pack: Forged) -> None:
    erased_first(pack)
    narrow(pack, user_id=pack.payloads()[0]["user_id"])


def narrow_to_all_days(pack: Forged) -> None:
    narrow(pack, **{"from": "1900-01-01"})


def narrow(pack: Forged, **scope: Any) -> None:
    pack.state(scope={**pack.manifest["scope"], **scope})


@pytest.mark.parametrize(
    ("tamper", "reason"),
    [
        (edit_link(0, note="Checked."), NO_LINK),
        (edit_link(0, state="hidden"), NO_LINK),
        (edit_link(0, state="hidden", record_id=None), NO_LINK),
        (edit_link(0, record_id=None), NO_LINK),
        (edit_link(0, state="excluded"), NO_LINK),
        (name_the_record_of_an_erased_link, NO_LINK),
        (
            edit_link(-1, hash="f" * 64, seal=None, position=None),
            "the chain of person ID, link 2 was erased and never sealed",
        ),
        (repeat_a_chain, "the chain of a person is in two pieces"),
        (narrow_to_somebody_else, "person ID is outside the pack's scope"),
        (narrow_to_all_days, "person ID was erased, and is outside the scope"),
    ],
)
def test_is_refused(
    everything: Forged, tmp_path: Path, tamper: Callable[[Forged], None], reason: str
) -> None:
    tamper(everything)
    everything.state()
    assert refusal(everything, tmp_path) == reason


def test_nothing_is_sealed_behind_what_is_not(part: Forged, tmp_path: Path) -> None:
    links = part.values_of("chains.json")
    links[0] |= {"hash": "f" * 64, "seal": None, "position": None}
    links[1]["previous_hash"] = "f" * 64
    part.put("chains.json", links)
    part.state()
    reason = "the chain of person ID, link 2 is sealed, one before is not"
    assert refusal(part, tmp_path) == reason


class TestScope:
    """Days are inclusive, and one person is a scope."""

    @pytest.fixture
    def remaining(self, everything: Forged) -> Forged:
        """Everything but the person who was erased."""
        links = everything.values_of("chains.json")
        kept = [link for link in links if link["state"] == "included"]
        everything.put("chains.json", kept)
        return everything

    def test_its_days_are_in_it(self, remaining: Forged, tmp_path: Path) -> None:
        days = sorted(payload["local_date"] for payload in remaining.payloads())
        scope = {"from": days[0], "to": days[-1]}
        narrow(remaining, **scope)
        assert said(remaining, tmp_path)[-5].startswith("The scope is a part; 0 links outside it")
        for name, day, days_on in (("from", days[0], 1), ("to", days[-1], -1)):
            moved = date.fromisoformat(day) + timedelta(days=days_on)
            narrow(remaining, **{**scope, name: moved.isoformat()})
            assert refusal(remaining, tmp_path) == "record ID is outside the pack's scope"

    def test_one_person(self, remaining: Forged, tmp_path: Path) -> None:
        def of_one(items: list[Item]) -> list[Item]:
            return [item for item in items if item["user_id"] == items[0]["user_id"]]

        records, links = (remaining.values_of(f"{name}.json") for name in ("records", "chains"))
        remaining.rewrite(of_one(records), of_one(links))
        lines = remaining.values_of("compliance.json")
        own = [line for line in lines if line["user_id"] == records[0]["user_id"]]
        remaining.put("compliance.json", own)
        remaining.tabulate("compliance")
        narrow(remaining, user_id=records[0]["user_id"])
        assert "1 people; 0 links of people who were erased." in said(remaining, tmp_path)
        narrow(remaining, module_id=remaining.payloads()[0]["module_id"])
        assert refusal(remaining, tmp_path) == "record ID is outside the pack's scope"


def said(pack: Forged, folder: Path) -> list[str]:
    (folder / "pack.zip").write_bytes(pack.archive())
    result = verify_here(folder / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)
    return result.stdout.splitlines()
