"""Checks the chain of each person's records, and that the pack leaves out only what it may."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from .archive import Pack
from .broken import require
from .days import day_of, day_or_none
from .evidence import Evidence
from .merges import Merges
from .reading import has_members, items, same
from .seals import GENESIS, Seals

RECORDS = "training_records"
INCLUDED, EXCLUDED, ERASED = "included", "excluded", "erased"
LINK = {"user_id", "sequence", "record_id", "previous_hash", "hash", "seal", "position", "state"}
SCOPE = {"from", "to", "location_id", "user_id", "module_id"}


class Scope:
    """Which records the pack is about, as its manifest states. Both days are inclusive."""

    def __init__(self, scope: dict[str, Any], merges: Merges) -> None:
        require(has_members(scope, SCOPE), "the manifest's scope is no scope")
        self._first = day_or_none(scope["from"], "the scope's from")
        self._last = day_or_none(scope["to"], "the scope's to")
        self._user, self._module, self._merges = scope["user_id"], scope["module_id"], merges
        narrowed = [scope[name] for name in ("from", "to", "location_id", "module_id")]
        self.has_whole_chains = narrowed == [None] * 4
        self.is_everything = self.has_whole_chains and self._user is None

    def has_person(self, user_id: str) -> bool:
        return self._user is None or self._user in self._merges.entries(user_id)

    def has(self, payload: dict[str, Any]) -> bool:
        """Tell whether a record belongs to the scope.

        The scope's location cannot be checked: it is where people work when the pack is made, and
        a record only says where they worked before.
        """
        day = day_of(payload["local_date"], f"record {payload['id']}: local_date")
        return (
            (self._first is None or self._first <= day)
            and (self._last is None or day <= self._last)
            and self._module in (None, payload["module_id"])
            and self.has_person(payload["user_id"])
        )


class Chains:
    """The chains of all people in the pack. The counts are right once `included` is exhausted."""

    def __init__(self, pack: Pack, scope: Scope, seals: Seals, evidence: Evidence) -> None:
        self._pack, self._scope, self.seals, self._evidence = pack, scope, seals, evidence
        self.people = self.erased = self.excluded = self.sealed = self.unsealed = 0

    def included(self) -> Iterator[dict[str, Any]]:
        """Check every link; yield those whose records are in the pack."""
        finished: set[str] = set()
        for user_id, links in groupby(items(self._pack, "chains.json"), lambda it: it["user_id"]):
            require(user_id not in finished, "the chain of a person is in two pieces")
            finished.add(user_id)
            states, hashes = set(), []
            for link in self._linked(user_id, links):
                states.add(link["state"])
                hashes.append(link["hash"])
                if link["state"] == INCLUDED:
                    yield link
            self._check_person(user_id, states, hashes)

    def _check_person(self, user_id: str, states: set[str], hashes: list[str]) -> None:
        where = f"person {user_id}"
        require(self._scope.has_person(user_id), where + " is outside the pack's scope")
        if ERASED in states:
            require(states == {ERASED}, where + ": a part of the chain is erased")
            require(self._scope.has_whole_chains, where + " was erased, and is outside the scope")
            known = self._evidence.erased_chains.get(user_id) == hashes
            require(known, where + " has no tombstone that says what was erased")
        else:
            require(INCLUDED in states, where + " has no record in the pack's scope")
        self.people += 1

    def _linked(self, user_id: str, links: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        previous, is_sealed = GENESIS, True
        for sequence, link in enumerate(links, 1):
            where = f"the chain of person {user_id}, link {sequence}"
            self._check_link(link, sequence, previous, where)
            link["is_sealed"] = self._check_seal(link, where)
            require(is_sealed or not link["is_sealed"], where + " is sealed, one before is not")
            previous, is_sealed = link["hash"], link["is_sealed"]
            yield link

    def _check_link(self, link: dict[str, Any], sequence: int, previous: str, where: str) -> None:
        require(set(link) == LINK, where + " is no link")
        require(same(link["sequence"], sequence), where + ": a record is missing or out of order")
        require(link["previous_hash"] == previous, where + ": the link to the one before is wrong")
        known = link["state"] in (INCLUDED, EXCLUDED, ERASED)
        known = known and (link["record_id"] is not None) == (link["state"] == INCLUDED)
        require(known, where + " is no link")
        if link["state"] == EXCLUDED:
            kept = not self._scope.has_whole_chains
            require(kept, where + " is left out, and the scope leaves nothing out")
            self.excluded += 1
        self.erased += link["state"] == ERASED

    def _check_seal(self, link: dict[str, Any], where: str) -> bool:
        is_sealed = self.seals.claim(link["hash"], link, RECORDS, where)
        require(is_sealed or link["state"] != ERASED, where + " was erased and never sealed")
        if link["state"] == INCLUDED:
            self.sealed += is_sealed
            self.unsealed += not is_sealed
        return is_sealed
