"""Packs are read within bounds, and in one way only."""

import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.content.verifier.pack_verifier import reading
from app.content.verifier.pack_verifier.broken import BrokenError
from app.content.verifier.pack_verifier.reading import digest_of, items, parse, read_json
from tests.content.verifier.packs import Forged

SHORT = 8
MOST_MEGABYTES = 500


def pack(content: bytes) -> Forged:
    return Forged({"a.json": content})


class TestItems:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"[]\n", []),
            (b"[\n1\n]\n", [1]),
            ('[\n{"a":"Zoë"},\nnull\n]\n'.encode(), [{"a": "Zoë"}, None]),
        ],
    )
    def test_one_a_line(self, content: bytes, expected: list[Any]) -> None:
        assert list(items(pack(content), "a.json")) == expected

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "ends within a line, or has one that is too long"),
            (b"[]", "ends within a line, or has one that is too long"),
            (b"[\n1\n]", "ends within a line, or has one that is too long"),
            (b"[\n1,\n", "ends within a line, or has one that is too long"),
            (b"[\n12345678\n]\n", "ends within a line, or has one that is too long"),
            (b"[1]\n", "is no list with an item a line"),
            (b"[]\r\n", "is no list with an item a line"),
            (b"[\n1\n2\n]\n", "does not end as a list"),
            (b"[\n1\n] \n", "does not end as a list"),
            (b"[]\n\n", "goes on after its end"),
            (b"[\n1\n]\n[]\n", "goes on after its end"),
        ],
    )
    def test_in_no_other_way(
        self, content: bytes, reason: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "LONGEST", SHORT)
        with pytest.raises(BrokenError) as broken:
            list(items(pack(content), "a.json"))
        assert str(broken.value) == f"a.json {reason}"

    def test_no_longer_than_a_line_may_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "LONGEST", SHORT)
        assert list(items(pack(b"[\n1234567\n]\n"), "a.json")) == [1234567]


class TestParse:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ('{"a":1,"a":1}', "a JSON object says something twice"),
            ('[{"b":{"a":1,"b":2,"a":3}}]', "a JSON object says something twice"),
            ("1" * 19, "a number is too long"),
            ("-" + "1" * 18, "a number is too long"),
            ("0." + "1" * 39, "a number is too long"),
            ("1e309", "a number is too long"),
            ("-1E999", "a number is too long"),
            ("[NaN]", "JSON has no NaN"),
            ("-Infinity", "JSON has no -Infinity"),
        ],
    )
    def test_what_readers_read_differently(self, text: str, reason: str) -> None:
        with pytest.raises(BrokenError) as broken:
            parse(text)
        assert str(broken.value) == reason

    def test_what_all_read_alike(self) -> None:
        value = {"a": [10**17, -1, 0.5, 1e308, 2 / 3, True, None, "Zoë"], "b": {"a": 1}}
        assert parse(json.dumps(value)) == value
        assert parse("0." + "1" * 38) == 0.1111111111111111


class TestReadJson:
    def test_no_longer_than_it_may_be(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "LONGEST", SHORT)
        assert read_json(pack(b'"123456"'), "a.json") == "123456"
        with pytest.raises(BrokenError, match=r"^a\.json is too long$"):
            read_json(pack(b'"1234567"'), "a.json")

    def test_no_more_is_read_than_decides_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "LONGEST", SHORT)
        stream = Counted({"a.json": bytes(100)})
        with pytest.raises(BrokenError):
            read_json(stream, "a.json")
        assert stream.opened.tell() == SHORT + 1


class Counted(Forged):
    """Keeps the file that was opened, which tells how far it was read."""

    def open(self, name: str) -> "Kept":
        self.opened = Kept(self[name])
        return self.opened


class Kept(io.BytesIO):
    def close(self) -> None:
        """Stay open."""


class TestDigestOf:
    @pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 7])
    def test_covers_every_byte(self, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "CHUNK", 3)
        content = bytes(range(size))
        found = digest_of(pack(content), "a.json", size)
        assert found == (hashlib.sha256(content).hexdigest(), size)

    def test_stops_at_the_first_byte_too_many(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(reading, "CHUNK", 3)
        stream = Counted({"a.json": bytes(100)})
        with pytest.raises(BrokenError, match=r"^a\.json is longer than the manifest says$"):
            digest_of(stream, "a.json", 6)
        assert stream.opened.tell() == 7


@pytest.mark.full
def test_the_worst_json_takes_less_than_the_promised_memory() -> None:
    """In a process of its own, as the memory of this one was taken by others before."""
    script = (
        "import psutil, sys; sys.path.insert(0, sys.argv[1])\n"
        "from pack_verifier.reading import LONGEST, parse\n"
        "held = parse('[' + '{},' * ((LONGEST - 4) // 3) + '{}]')\n"
        # Not the greatest of its life, which Linux counts from before the program was loaded.
        "print(psutil.Process().memory_info().rss >> 20)"
    )
    folder = Path(reading.__file__).parents[1]
    command = [sys.executable, "-I", "-c", script, str(folder)]
    taken = subprocess.run(command, capture_output=True, text=True, check=True).stdout  # noqa: S603  # our own
    assert int(taken) < MOST_MEGABYTES
