"""Archives that show different files to different readers. Each byte must belong to a file."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.content.verifier.pack_verifier import archive, manifest
from app.content.verifier.pack_verifier.broken import BrokenError
from tests.content.verifier.packs import Forged, verify_here

Temporary = pytest.TempPathFactory
Data = st.DataObject
ENTRY = b"PK\x03\x04"
DIRECTORY = b"PK\x01\x02"
END = b"PK\x05\x06"


def another() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("records.csv", "another pack")
    return made.getvalue()


def moved(content: bytes, place: int, more: bytes) -> bytes:
    """Insert bytes, and adjust the places in the directory."""
    start = content.index(DIRECTORY)
    end = content.rindex(END)
    directory = bytearray(content[start:end])
    at = 0
    while at < len(directory):
        (offset,) = struct.unpack_from("<L", directory, at + 42)
        if offset >= place:
            struct.pack_into("<L", directory, at + 42, offset + len(more))
        lengths = struct.unpack_from("<3H", directory, at + 28)
        at += 46 + sum(lengths)
    last = bytearray(content[end:])
    struct.pack_into("<L", last, 16, start + len(more))
    return content[:place] + more + content[place:start] + bytes(directory + last)


def second(content: bytes) -> int:
    """Return where the second file begins."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.infolist()[1].header_offset


def before(content: bytes) -> bytes:
    return b"MZ" + content


def archive_before(content: bytes) -> bytes:
    return another() + content


def archive_before_that_the_directory_knows_of(content: bytes) -> bytes:
    return moved(content, 0, another())


def between(content: bytes) -> bytes:
    return moved(content, second(content), another())


def before_the_directory(content: bytes) -> bytes:
    return moved(content, content.index(DIRECTORY), another())


def behind(content: bytes) -> bytes:
    return content + b"\0"


def archive_behind(content: bytes) -> bytes:
    return content + another()


def comment(content: bytes) -> bytes:
    return content[:-2] + struct.pack("<H", 5) + b"Trust"


def comment_on_a_file(content: bytes) -> bytes:
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as archive:
        archive.infolist()[0].comment = b"Trust me."
        archive.comment = b"x"
        archive.comment = b""
    return made.getvalue()


def another_name_in_front(content: bytes) -> bytes:
    return content[:30] + b"R" + content[31:]


def another_size_in_front(content: bytes) -> bytes:
    return content[:22] + b"\1\0\0\0" + content[26:]


def encrypted(content: bytes) -> bytes:
    changed = bytearray(content)
    changed[6] = 1
    changed[content.index(DIRECTORY) + 8] = 1
    return bytes(changed)


def twice(content: bytes) -> bytes:
    made = io.BytesIO(content)
    with zipfile.ZipFile(made, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("records.csv", "another")
    return made.getvalue()


def hidden_behind_the_data(content: bytes) -> bytes:
    """Let the first file's data be longer than what inflating reads of them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        size = archive.infolist()[0].compress_size
    more = another()
    changed = bytearray(moved(content, second(content), more))
    for place in (18, content.index(DIRECTORY) + len(more) + 20):
        struct.pack_into("<L", changed, place, size + len(more))
    return bytes(changed)


def cut_off(content: bytes) -> bytes:
    return content[: len(content) // 2]


def many_files(_: bytes) -> bytes:
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, (1 << 23) + 1, 0, 0)
    return bytes((1 << 23) + 1) + end


def many_files_by_the_longer_form(_: bytes) -> bytes:
    size = (1 << 23) + 1
    longer = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 9, 9, size, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, size, 1)
    return (
        bytes(size) + longer + locator + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0, 0, 0, 0, 0)
    )


def made_by_hand(
    data: bytes, size: int, *, name: bytes = b"records.csv", more: int = 0, crc: int = 0
) -> bytes:
    """Make an archive of one file, whose directory states this size and whose data are longer."""
    sums = struct.pack("<3L2H", crc, len(data) + more, size, len(name), 0)
    entry = struct.pack("<5H", 20, 0, 8, 0, 33) + sums
    directory = DIRECTORY + b"\x14\0" + entry + bytes(14) + name
    front = ENTRY + entry + name + data
    counts = struct.pack("<4H2LH", 0, 0, 1, 1, len(directory), len(front), 0)
    return front + directory + END + counts


def deflated(content: bytes) -> bytes:
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return deflate.compress(content) + deflate.flush()


def bomb(content: bytes) -> bytes:
    """An archive that unpacks to a thousand times its size, with correct checksums."""
    inflated = 1 << 27
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros, crc, data = bytes(1 << 20), 0, b""
    for _ in range(inflated >> 20):
        data += deflate.compress(zeros)
        crc = zlib.crc32(zeros, crc)
    data += deflate.flush()
    return made_by_hand(data, inflated, crc=crc)


def longer_than_it_says(_: bytes) -> bytes:
    return made_by_hand(deflated(bytes(10)), 9)


def shorter_than_it_says(_: bytes) -> bytes:
    return made_by_hand(deflated(bytes(10)), 11)


def without_an_end(_: bytes) -> bytes:
    """Data that announce 65,535 more bytes, although the archive ends sooner."""
    return made_by_hand(b"\0\xff\xff\0\0", 1 << 16, more=1 << 16)


def beyond_the_end(_: bytes) -> bytes:
    """Let a second file begin behind the end of the archive."""
    first = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, 0, 1000, 1000, 1, 0)
    other = struct.pack("<5H3L2H", 20, 0, 0, 0, 33, 0, 0, 0, 1, 0)
    front = ENTRY + first + b"a"
    directory = DIRECTORY + b"\x14\0" + first + bytes(14) + b"a"
    place = struct.pack("<L", len(front) + 1000)
    directory += DIRECTORY + b"\x14\0" + other + bytes(10) + place + b"b"
    counts = struct.pack("<4H2LH", 0, 0, 2, 2, len(directory), len(front), 0)
    return front + directory + END + counts


def of_another_alphabet(_: bytes) -> bytes:
    return made_by_hand(deflated(b""), 0, name=b"r\x82cords.csv")


def of_a_name_that_ends_early(_: bytes) -> bytes:
    return made_by_hand(deflated(b""), 0, name=b"records.csv\0.txt")


ALTERED: dict[Callable[[bytes], bytes], str] = {
    before: "the archive has bytes before 'records.json'",
    archive_before: "the archive has bytes before 'records.json'",
    archive_before_that_the_directory_knows_of: "the archive has bytes before 'records.json'",
    between: "the archive has bytes before",
    before_the_directory: "the archive has bytes between its files and directory",
    behind: "the archive does not end with its directory",
    archive_behind: "the archive has bytes before 'records.csv'",
    comment: "the archive does not end with its directory",
    comment_on_a_file: "the archive has a comment on a file",
    another_name_in_front: "the archive describes a file in two ways: 'records.json'",
    another_size_in_front: "the archive describes a file in two ways: 'records.json'",
    encrypted: "the archive describes a file in two ways: 'records.json'",
    twice: "a file is in the pack twice",
    hidden_behind_the_data: "the archive hides something behind 'records.json'",
    cut_off: "the archive does not end with its directory",
    many_files: "the archive has too many files",
    many_files_by_the_longer_form: "the archive has too many files",
    bomb: "the archive grows too much when unpacked",
    longer_than_it_says: "the archive is longer than it says: 'records.csv'",
    shorter_than_it_says: "the archive hides something behind 'records.csv'",
    without_an_end: "the archive ends within 'records.csv'",
    beyond_the_end: "the pack cannot be read (error)",
    of_another_alphabet: "the archive has an unknown name: 'récords.csv'",
    of_a_name_that_ends_early: "the archive has an unknown name: 'records.csv'",
}


@pytest.mark.parametrize(
    ("alter", "reason"), ALTERED.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_is_refused(
    everything: Forged, tmp_path: Path, alter: Callable[[bytes], bytes], reason: str
) -> None:
    (tmp_path / "pack.zip").write_bytes(alter(everything.archive()))
    result = verify_here(tmp_path / "pack.zip")
    assert result.stderr.startswith(f"BROKEN: {reason}"), result.stdout
    assert (result.stdout, result.returncode) == ("", 1)


def test_streamed_archives_are_no_other(honest: bytes, tmp_path: Path) -> None:
    """In an archive that was streamed, the checksums stand behind each file's data."""
    (tmp_path / "pack.zip").write_bytes(between(honest))
    assert "the archive has bytes before" in verify_here(tmp_path / "pack.zip").stderr
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        sums = archive.infolist()[0].CRC.to_bytes(4, "little")
    changed = honest.replace(b"PK\x07\x08" + sums, b"PK\x07\x08" + bytes(4), 1)
    (tmp_path / "pack.zip").write_bytes(changed)
    assert "in two ways: 'records.json'" in verify_here(tmp_path / "pack.zip").stderr


def test_a_folder_has_plain_files(everything: Forged, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    for name, content in everything.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert verify_here(folder).returncode == 0
    elsewhere = (folder / "records.csv").rename(tmp_path / "records.csv")
    (folder / "records.csv").symlink_to(elsewhere)
    assert "records.csv is no plain file" in verify_here(folder).stderr


@pytest.mark.parametrize("kind", ["files", "folders"])
def test_a_folder_has_no_more_files_than_a_pack(
    everything: Forged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    folder = tmp_path / "pack"
    for name, content in everything.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    monkeypatch.setattr(archive, "MOST_FILES", len(list(folder.rglob("*"))))
    assert verify_here(folder).returncode == 0
    one_more = folder / "one more"
    one_more.touch() if kind == "files" else one_more.mkdir()
    assert verify_here(folder).stderr == "BROKEN: the folder has too many files\n"


def test_no_more_of_a_folder_is_read_than_decides_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def many(folder: Path, _: str) -> Iterator[Path]:
        for number in range(100):
            read.append(number)
            yield folder / str(number)

    monkeypatch.setattr(archive, "MOST_FILES", 7)
    monkeypatch.setattr(Path, "rglob", many)
    with pytest.raises(BrokenError, match="too many files"):
        archive.Folder(tmp_path).names()
    assert len(read) == 7 + 1


def test_no_archive_is_larger_than_one_can_wait_for(
    honest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pack.zip").write_bytes(honest)
    with zipfile.ZipFile(io.BytesIO(honest)) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    monkeypatch.setattr(archive, "LARGEST", unpacked)
    assert verify_here(tmp_path / "pack.zip").returncode == 0
    monkeypatch.setattr(archive, "LARGEST", unpacked - 1)
    assert "grows too much when unpacked" in verify_here(tmp_path / "pack.zip").stderr


def test_no_folder_is_larger_than_one_can_wait_for(
    everything: Forged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pack.zip").write_bytes(everything.archive())
    stated = sum(file["bytes"] for file in everything.manifest["files"].values())
    monkeypatch.setattr(manifest, "LARGEST", stated)
    assert verify_here(tmp_path / "pack.zip").returncode == 0
    monkeypatch.setattr(manifest, "LARGEST", stated - 1)
    assert verify_here(tmp_path / "pack.zip").stderr == "BROKEN: the pack is too large\n"


def test_a_folder_leads_nowhere_else(everything: Forged, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    for name, content in everything.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "more").symlink_to(tmp_path)
    assert verify_here(folder).stderr == "BROKEN: more is not in the manifest\n"


class Unseekable(io.BytesIO):
    """Has a file described behind its data."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation

    def tell(self) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        (io.BytesIO, zipfile.ZIP_STORED),
        (io.BytesIO, zipfile.ZIP_DEFLATED),
        (Unseekable, zipfile.ZIP_DEFLATED),
    ],
)
def test_it_may_be_packed_again(
    everything: Forged, tmp_path: Path, kind: type[io.BytesIO], method: int
) -> None:
    made = kind()
    with zipfile.ZipFile(made, "w", method) as packed:
        for name, content in everything.items():
            packed.writestr(name, content)
    (tmp_path / "pack.zip").write_bytes(made.getvalue())
    result = verify_here(tmp_path / "pack.zip")
    assert (result.stderr, result.returncode) == ("", 0)


def test_it_is_read_in_pieces(
    honest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "CHUNK", 7)
    (tmp_path / "pack.zip").write_bytes(honest)
    assert verify_here(tmp_path / "pack.zip").returncode == 0


def test_it_grows_as_far_as_it_may(
    honest: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pack.zip").write_bytes(honest)
    with zipfile.ZipFile(io.BytesIO(honest)) as packed:
        unpacked = sum(member.file_size for member in packed.infolist())
    most = unpacked - archive.MOST_GROWTH * len(honest)
    monkeypatch.setattr(archive, "SMALL", most)
    assert verify_here(tmp_path / "pack.zip").returncode == 0
    monkeypatch.setattr(archive, "SMALL", most - 1)
    assert "grows too much when unpacked" in verify_here(tmp_path / "pack.zip").stderr


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_byte_makes_it_fail(honest: bytes, tmp_path_factory: Temporary, data: Data) -> None:
    """Whatever the directory says, the verifier answers with one sentence."""
    place = data.draw(st.integers(honest.index(DIRECTORY), len(honest) - 1))
    sign = data.draw(st.sampled_from([0, 1, 8, 127, 255]))
    path = tmp_path_factory.mktemp("archive") / "pack.zip"
    path.write_bytes(honest[:place] + bytes([sign]) + honest[place + 1 :])
    result = verify_here(path)
    assert (result.returncode, result.stderr[:8]) in {(0, ""), (1, "BROKEN: ")}
