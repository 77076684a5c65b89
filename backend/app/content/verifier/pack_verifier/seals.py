"""Checks the seals. Each is a Merkle tree (RFC 9162, 2.1.1) and names the seal before it."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any

from .archive import Pack
from .broken import require
from .days import moment
from .reading import items, same, written

GENESIS = "0" * 64
# Evidence says when its transaction wrote it, and a seal can cover it only after the commit. So
# what is a little older than a seal may rightly be missing from it.
IN_FLIGHT = timedelta(hours=1)
_HASH = re.compile(r"[0-9a-f]{64}\Z")


def tree(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


class Seals:
    """All seals, with their leaves. A leaf is claimed when what it covers is found in the pack."""

    def __init__(self, pack: Pack) -> None:
        self.hashes: list[str] = []
        self._made_at: list[datetime] = []
        self._covers: list[str | None] = []
        self._open: dict[int, list[str | None]] = {}
        self._leaves: set[str] = set()
        for seal in items(pack, "seals.json"):
            self._take(seal)

    @property
    def head(self) -> str:
        return self.hashes[-1] if self.hashes else GENESIS

    def claim(self, value: str, item: dict[str, Any], kind: str, where: str) -> bool:
        """Claim the leaf that an item names as its own; return False if it names none.

        `value` is the hash that the leaf must have.
        """
        seal, position = item["seal"], item["position"]
        if seal is None:
            require(value not in self._leaves, where + " is sealed, and the pack denies it")
            return False
        leaves = self._open.get(seal, [])
        covered = type(seal) is type(position) is int and 1 <= position <= len(leaves)
        covered = covered and leaves[position - 1] == value
        covered = covered and self._covers[seal - 1] in (None, kind)
        require(covered, where + ": its seal does not cover it")
        leaves[position - 1] = None
        return True

    def check_time(self, seal: int | None, written_at: str, where: str) -> None:
        """Refuse what is newer than its seal, or unsealed and older than the last seal."""
        at = moment(written_at)
        if seal is not None:
            require(at <= self._made_at[seal - 1], where + " is younger than its seal")
        elif self._made_at:
            young = at >= self._made_at[-1] - IN_FLIGHT
            require(young, where + " is not sealed, and older than the last seal")

    def all_claimed(self, kinds: tuple[str, ...]) -> None:
        """Require that every sealed leaf of these kinds was found; for packs of everything."""
        for number, covers in enumerate(self._covers, 1):
            if covers not in (None, *kinds):
                continue
            leaves = self._open.get(number)
            require(leaves is not None, f"seal {number}: its leaves are missing")
            for position, leaf in enumerate(leaves or [], 1):
                require(leaf is None, f"what leaf {position} of seal {number} covers is missing")

    def _take(self, seal: dict[str, Any]) -> None:
        number, previous = len(self.hashes) + 1, self.head
        where = f"seal {number}"
        linked = same((seal["number"], seal["previous_hash"]), (number, previous))
        require(linked, where + ": a seal before it is missing")
        if seal["leaves"] is not None:
            self._take_leaves(seal, seal["leaves"], where)
        parts = [previous, str(number), written(seal["record_count"]), seal["merkle_root"]]
        text = ":".join(parts if seal["covers"] is None else [*parts, seal["covers"]])
        right = hashlib.sha256(text.encode()).hexdigest() == seal["hash"]
        require(right, where + ": the hash is wrong")
        self.hashes.append(seal["hash"])
        self._covers.append(seal["covers"])
        self._made_at.append(moment(seal["sealed_at"]))
        in_order = self._made_at[-2:] == sorted(self._made_at[-2:])
        require(in_order, where + " is older than the one before")

    def _take_leaves(self, seal: dict[str, Any], leaves: list[str], where: str) -> None:
        fits = same(len(leaves), seal["record_count"]) and all(_HASH.match(leaf) for leaf in leaves)
        fits = fits and tree([bytes.fromhex(leaf) for leaf in leaves]).hex() == seal["merkle_root"]
        require(fits, where + " does not fit its leaves")
        self._open[seal["number"]] = list(leaves)
        self._leaves.update(leaves)
