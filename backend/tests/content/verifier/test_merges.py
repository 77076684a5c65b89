"""Whose evidence a pack proves, where two entries of the directory were merged."""

from datetime import date
from typing import Any

import pytest

from app.content.verifier.pack_verifier.broken import BrokenError
from app.content.verifier.pack_verifier.days import Proof
from app.content.verifier.pack_verifier.merges import Merges

GIVEN = Proof("ended", date(2026, 1, 10), date(2026, 1, 10))


def told(user_id: str, merged_id: str, day: int = 2, status: str = "confirmed") -> dict[str, Any]:
    decided_at = f"2026-03-{day:02}T18:00:00.000000Z"
    both = {"user_id": user_id, "merged_id": merged_id}
    return {"id": "merge", "status": status, "decided_at": decided_at, **both}


def merges(*contents: dict[str, Any]) -> Merges:
    found = Merges()
    for content in contents:
        found.keep(content)
    return found


def test_evidence_is_of_the_entry_that_went_on_since_the_merge() -> None:
    held = merges(told("on", "ended")).held_by(GIVEN, "on")
    assert (held.user_id, held.recorded_on) == ("on", date(2026, 3, 2))
    assert not held.counts(date(2026, 3, 1))
    assert held.counts(date(2026, 3, 2))


def test_evidence_stays_that_of_its_own_entry() -> None:
    assert merges(told("on", "ended")).held_by(GIVEN, "ended") == GIVEN


def test_of_a_stranger_it_is_not() -> None:
    assert merges(told("on", "ended")).held_by(GIVEN, "stranger").user_id == "on"


def test_what_was_refused_is_no_merge() -> None:
    assert merges(told("on", "ended", status="refused")).held_by(GIVEN, "on").user_id == "ended"


def test_follows_several() -> None:
    found = merges(told("on", "ended"), told("last", "on", day=9))
    assert [*found.entries("ended")] == ["ended", "on", "last"]
    assert found.held_by(GIVEN, "last").recorded_on == date(2026, 3, 9)


def test_a_pending_one_is_no_evidence() -> None:
    with pytest.raises(BrokenError, match="not decided"):
        merges(told("on", "ended", status="pending"))


def test_an_entry_ends_once() -> None:
    with pytest.raises(BrokenError, match="merges an entry again"):
        merges(told("on", "ended"), told("other", "ended"))


def test_no_circle() -> None:
    with pytest.raises(BrokenError, match="in a circle"):
        [*merges(told("on", "ended"), told("ended", "on")).entries("ended")]
