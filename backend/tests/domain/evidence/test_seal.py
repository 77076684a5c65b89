import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.evidence.seal import GENESIS, merkle_root, record_hash, seal_hash

HASHES = st.lists(st.binary(min_size=32, max_size=32).map(bytes.hex), max_size=20)


def leaf(value: str) -> bytes:
    return hashlib.sha256(b"\x00" + bytes.fromhex(value)).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


class TestRecordHash:
    def test_covers_the_link_and_the_payload(self) -> None:
        expected = hashlib.sha256(("0" * 64 + '{"a": 1}').encode()).hexdigest()
        assert record_hash(GENESIS, '{"a": 1}') == expected

    def test_is_over_utf_8(self) -> None:
        text = "Zoë Ångström"
        assert record_hash("", text) == hashlib.sha256(text.encode("utf-8")).hexdigest()


class TestMerkleRoot:
    def test_of_nothing(self) -> None:
        """RFC 9162, 2.1.1: the hash of an empty list is the hash of an empty string."""
        assert merkle_root([]) == hashlib.sha256(b"").hexdigest()

    def test_three_leaves_hang_to_the_left(self) -> None:
        a, b, c = ("aa" * 32, "bb" * 32, "cc" * 32)
        assert merkle_root([a, b, c]) == node(node(leaf(a), leaf(b)), leaf(c)).hex()

    def test_five_leaves_split_at_four(self) -> None:
        leaves = [f"{number:02x}" * 32 for number in range(5)]
        a, b, c, d, e = (leaf(value) for value in leaves)
        expected = node(node(node(a, b), node(c, d)), e)
        assert merkle_root(leaves) == expected.hex()

    @given(hashes=HASHES.filter(bool), data=st.data())
    def test_every_leaf_counts(self, hashes: list[str], data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(hashes) - 1))
        changed = [*hashes[:place], "00" * 32, *hashes[place + 1 :]]
        assert (merkle_root(changed) == merkle_root(hashes)) == (changed == hashes)

    @given(hashes=HASHES.filter(bool))
    def test_length_and_order_count(self, hashes: list[str]) -> None:
        root = merkle_root(hashes)
        assert merkle_root(hashes[:-1]) != root
        assert merkle_root([*hashes, hashes[-1]]) != root
        swapped = hashes[::-1]
        assert (merkle_root(swapped) == root) == (swapped == hashes)

    def test_a_node_is_no_leaf(self) -> None:
        """Without the prefixes, an inner node could be presented as a record (second preimage)."""
        a, b = "aa" * 32, "bb" * 32
        assert merkle_root([merkle_root([a, b])]) != merkle_root([a, b])


@pytest.mark.parametrize(
    "changed",
    [
        ("1" * 64, 2, 3, "ab" * 32),
        (GENESIS, 3, 3, "ab" * 32),
        (GENESIS, 2, 4, "ab" * 32),
        (GENESIS, 2, 3, "cd" * 32),
        (GENESIS, 23, 3, "ab" * 32),
    ],
)
def test_a_seal_covers_its_link_its_number_its_size_and_its_root(
    changed: tuple[str, int, int, str],
) -> None:
    assert seal_hash(*changed) != seal_hash(GENESIS, 2, 3, "ab" * 32)
