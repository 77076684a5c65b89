"""Which entries of the directory are one person, as the evidence in the pack says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .broken import require
from .days import Proof, first_day


class Merges:
    def __init__(self) -> None:
        self._into: dict[str, tuple[str, str]] = {}

    def keep(self, content: dict[str, Any]) -> None:
        where = f"merges {content['id']}"
        require(content["status"] in ("confirmed", "refused"), where + " is not decided")
        if content["status"] == "confirmed":
            require(content["merged_id"] not in self._into, where + " merges an entry again")
            self._into[content["merged_id"]] = (content["user_id"], content["decided_at"])

    def entries(self, user_id: str) -> Iterator[str]:
        """Yield an entry, and the entries under which its person went on."""
        yield user_id
        for continues, _ in self._followed(user_id):
            yield continues

    def held_by(self, proof: Proof, user_id: str) -> Proof:
        """Return the evidence as that of an entry which went on; it counts there from then on."""
        held = proof
        for continues, decided_at in self._followed(proof.user_id):
            if held.user_id == user_id:
                break
            known = max(held.recorded_on, first_day(decided_at))
            held = held._replace(user_id=continues, recorded_on=known)
        return held

    def _followed(self, user_id: str) -> Iterator[tuple[str, str]]:
        seen = {user_id}
        while user_id in self._into:
            user_id, decided_at = self._into[user_id]
            require(user_id not in seen, f"person {user_id} was merged in a circle")
            seen.add(user_id)
            yield user_id, decided_at
