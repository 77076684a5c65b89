"""The hashes of evidence: a chain of records for each person, and Merkle seals over all."""

import hashlib
from collections.abc import Sequence
from typing import Final

GENESIS: Final = "0" * 64


def record_hash(previous_hash: str, payload: str) -> str:
    """Return the hash of a record, as the database function computes it."""
    return hashlib.sha256((previous_hash + payload).encode()).hexdigest()


def merkle_root(hashes: Sequence[str]) -> str:
    """Return the Merkle tree hash of RFC 9162, 2.1.1, over record hashes (lower-case hex)."""
    return _tree([bytes.fromhex(value) for value in hashes]).hex()


def _tree(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    # The largest power of two below the number of leaves.
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + _tree(leaves[:split]) + _tree(leaves[split:])).digest()


def seal_hash(
    previous_hash: str, number: int, count: int, root: str, covers: str | None = None
) -> str:
    """Return the hash of a seal; `covers` is None for seals made before revision 0029."""
    text = f"{previous_hash}:{number}:{count}:{root}" + (f":{covers}" if covers else "")
    return hashlib.sha256(text.encode()).hexdigest()
