"""What seals cover, and when they were made."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.verifier.pack_verifier.broken import BrokenError
from app.content.verifier.pack_verifier.seals import Seals, tree
from app.domain.evidence.seal import GENESIS, merkle_root, seal_hash
from tests.content.verifier.packs import Forged, Item

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
LEAVES = [f"{number:02x}" * 32 for number in range(5)]
RECORDS, SESSIONS = "training_records", "live_sessions"
OLD = "it is not sealed, and older than the last seal"


def sealed(*seals: Item) -> list[Item]:
    """Chain seals; each is its leaves, and whatever it says otherwise."""
    chain: list[Item] = []
    for number, says in enumerate(seals, 1):
        leaves, covers = says.get("leaves") or [], says.get("covers")
        previous = chain[-1]["hash"] if chain else GENESIS
        seal: Item = {
            "number": number,
            "previous_hash": previous,
            "covers": covers,
            "record_count": len(leaves),
            "merkle_root": merkle_root(leaves),
            "sealed_at": NOON.isoformat(),
            "leaves": leaves,
        }
        seal["hash"] = seal_hash(previous, number, len(leaves), seal["merkle_root"], covers)
        chain.append({**seal, **says})
    return chain


def read(chain: list[Item]) -> Seals:
    pack = Forged()
    pack.put("seals.json", chain)
    return Seals(pack)


def reason(chain: list[Item]) -> str:
    with pytest.raises(BrokenError) as broken:
        read(chain)
    return str(broken.value)


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=20))
def test_trees_are_those_of_the_domain(leaves: list[bytes]) -> None:
    assert tree(leaves).hex() == merkle_root([leaf.hex() for leaf in leaves])


class TestChain:
    def test_ends_in_a_head(self) -> None:
        chain = sealed({"leaves": LEAVES}, {"leaves": LEAVES[:1], "covers": RECORDS})
        assert read(chain).hashes == [seal["hash"] for seal in chain]
        assert read(chain).head == chain[-1]["hash"]
        assert read([]).head == GENESIS

    @pytest.mark.parametrize("name", ["number", "previous_hash"])
    def test_without_gaps(self, name: str) -> None:
        chain = sealed({}, {})
        chain[1][name] = chain[0][name]
        assert reason(chain) == "seal 2: a seal before it is missing"
        assert reason(chain[1:]) == "seal 1: a seal before it is missing"

    @pytest.mark.parametrize("name", ["record_count", "merkle_root", "hash", "covers"])
    def test_each_part_is_in_the_hash(self, name: str) -> None:
        (chain,) = sealed({"leaves": LEAVES})
        chain.update({"leaves": None, name: 9 if name == "record_count" else GENESIS})
        assert reason([chain]) == "seal 1: the hash is wrong"

    @pytest.mark.parametrize(
        "changes",
        [
            {"record_count": 4},
            {"leaves": LEAVES[:4]},
            {"leaves": LEAVES[::-1]},
            {"leaves": [*LEAVES[:4], GENESIS]},
            {"leaves": [*LEAVES[:4], "04" * 32 + " "]},
            {"leaves": [*LEAVES[:4], "04" * 32 + "\n"]},
        ],
    )
    def test_leaves_fit(self, changes: Item) -> None:
        (seal,) = sealed({"leaves": LEAVES})
        assert reason([seal | changes]) == "seal 1 does not fit its leaves"

    def test_leaves_are_written_in_one_way(self) -> None:
        (seal,) = sealed({"leaves": ["AB" * 32]})
        assert reason([seal]) == "seal 1 does not fit its leaves"

    def test_in_order_of_time(self) -> None:
        later = [{"sealed_at": (NOON + day * MOMENT).isoformat()} for day in (0, 1, 1, 0)]
        assert len(read(sealed(*later[:3])).hashes) == 3
        assert reason(sealed(*later)) == "seal 4 is older than the one before"


class TestClaim:
    CHAIN = sealed({"leaves": LEAVES[:3]}, {"leaves": LEAVES[3:], "covers": SESSIONS})

    @pytest.fixture
    def seals(self) -> Seals:
        return read(self.CHAIN)

    @pytest.mark.parametrize(
        ("leaf", "seal", "position", "kind"),
        [(0, 1, 1, RECORDS), (2, 1, 3, SESSIONS), (3, 2, 1, SESSIONS), (4, 2, 2, SESSIONS)],
    )
    def test_holds(self, seals: Seals, leaf: int, seal: int, position: int, kind: str) -> None:
        item = {"seal": seal, "position": position}
        assert seals.claim(LEAVES[leaf], item, kind, "it") is True
        with pytest.raises(BrokenError, match=r"^it: its seal does not cover it$"):
            seals.claim(LEAVES[leaf], item, kind, "it")

    @pytest.mark.parametrize(
        ("leaf", "seal", "position", "kind"),
        [
            (0, 1, 2, RECORDS),
            (2, 1, 0, RECORDS),
            (2, 1, -1, RECORDS),
            (2, 1, 4, RECORDS),
            (2, 1, "3", RECORDS),
            (2, 1, None, RECORDS),
            (0, 2, 1, SESSIONS),
            (0, 3, 1, SESSIONS),
            (4, 2, 2, RECORDS),
        ],
    )
    def test_covers_nothing_else(
        self, seals: Seals, leaf: int, seal: int, position: Any, kind: str
    ) -> None:
        with pytest.raises(BrokenError, match=r"^it: its seal does not cover it$"):
            seals.claim(LEAVES[leaf], {"seal": seal, "position": position}, kind, "it")

    def test_what_is_sealed_cannot_be_denied(self, seals: Seals) -> None:
        nowhere = {"seal": None, "position": None}
        assert seals.claim(GENESIS[:-1] + "1", nowhere, RECORDS, "it") is False
        with pytest.raises(BrokenError, match=r"^it is sealed, and the pack denies it$"):
            seals.claim(LEAVES[4], nowhere, RECORDS, "it")


class TestAllClaimed:
    """What a kind's seals cover has to be in a pack of everything."""

    def test_of_the_kinds_that_are_asked_for(self) -> None:
        seals = read(sealed({"covers": SESSIONS, "leaves": None}, {"leaves": LEAVES[:2]}))
        seals.claim(LEAVES[0], {"seal": 2, "position": 1}, RECORDS, "it")
        with pytest.raises(BrokenError, match=r"^what leaf 2 of seal 2 covers is missing$"):
            seals.all_claimed((RECORDS,))
        seals.claim(LEAVES[1], {"seal": 2, "position": 2}, RECORDS, "it")
        seals.all_claimed((RECORDS,))
        with pytest.raises(BrokenError, match=r"^seal 1: its leaves are missing$"):
            seals.all_claimed((RECORDS, SESSIONS))

    def test_seals_of_before_cover_all_kinds(self) -> None:
        with pytest.raises(BrokenError, match=r"^seal 1: its leaves are missing$"):
            read(sealed({"leaves": None})).all_claimed((RECORDS,))


class TestTime:
    CHAIN = sealed(*({"sealed_at": (NOON - timedelta(days=ago)).isoformat()} for ago in (2, 1, 0)))

    @pytest.mark.parametrize(
        ("seal", "written_at"),
        [
            (3, NOON),
            (1, NOON - timedelta(days=2)),
            (None, NOON - timedelta(hours=1)),
            (None, NOON + timedelta(days=9)),
        ],
    )
    def test_holds(self, seal: int | None, written_at: datetime) -> None:
        read(self.CHAIN).check_time(seal, written_at.isoformat(), "it")

    @pytest.mark.parametrize(
        ("seal", "written_at", "expected"),
        [
            (3, NOON + MOMENT, "it is younger than its seal"),
            (1, NOON - timedelta(days=2) + MOMENT, "it is younger than its seal"),
            (None, NOON - timedelta(hours=1) - MOMENT, OLD),
        ],
    )
    def test_breaks(self, seal: int | None, written_at: datetime, expected: str) -> None:
        with pytest.raises(BrokenError) as broken:
            read(self.CHAIN).check_time(seal, written_at.isoformat(), "it")
        assert str(broken.value) == expected

    def test_without_seals_everything_is_new(self) -> None:
        read([]).check_time(None, "1900-01-01T00:00:00Z", "it")

    @pytest.mark.parametrize(
        ("written", "microseconds"),
        [
            ("2026-03-01T12:00:00Z", 0),
            ("2026-03-01T12:00:00+00:00", 0),
            ("2026-03-01T12:00:00.1Z", 100_000),
            ("2026-03-01T12:00:00.000012Z", 12),
            ("2026-03-01T12:00:00.123456+00:00", 123_456),
        ],
    )
    def test_is_read_to_the_last_digit(self, written: str, microseconds: int) -> None:
        exact = NOON + timedelta(microseconds=microseconds)
        seals = read(sealed({"sealed_at": exact.isoformat()}))
        seals.check_time(1, written, "it")
        seals = read(sealed({"sealed_at": (exact - MOMENT).isoformat()}))
        with pytest.raises(BrokenError, match="younger"):
            seals.check_time(1, written, "it")

    @pytest.mark.parametrize(
        "written",
        [
            "2026-03-01",
            "2026-03-01 12:00:00Z",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00:00+01:00",
            "2026-03-01T12:00:00.1234567Z",
            "2026-03-01T12:00:00Z\n",
        ],
    )
    def test_is_written_in_utc(self, written: str) -> None:
        with pytest.raises(BrokenError) as broken:
            read(self.CHAIN).check_time(2, written, "it")
        assert str(broken.value) == f"no instant in UTC: {written}"
