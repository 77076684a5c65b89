"""Reads the files of a pack from a folder or from a ZIP archive.

Some ZIP readers find the files by the directory at the end of the archive, others by reading from
the front. An archive can be made to show different files to the two. This module accepts an
archive only if both ways find the same files and these files account for every byte.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from itertools import islice
from pathlib import Path
from typing import IO, Protocol

from .broken import BrokenError, require
from .patience import patience

CHUNK = 1 << 16
# An archive may unpack to this many times its size. Compression makes a real pack about ten times
# smaller; an archive that grows much more was made to fill the disk.
MOST_GROWTH = 200
# So many bytes more are always allowed.
SMALL = 1 << 26
# A pack may unpack to this much. Reading it takes minutes; how many at most, `patience` says.
LARGEST = 1 << 33
# The directory of an archive is read at once: this is enough for 60,000 files of a pack.
LONGEST_DIRECTORY = 1 << 23
MOST_FILES = 60_000

_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTORS = (struct.Struct("<4sLQQ"), struct.Struct("<4s3L"))
_DIRECTORY_ENTRY = 46
_ENDS = {22: b"PK\x05\x06", 98: b"PK\x06\x06"}
_LOCATOR = b"PK\x06\x07"
_STREAMED = 8


class Pack(Protocol):
    def names(self) -> list[str]: ...

    def open(self, name: str) -> IO[bytes]: ...


class Folder:
    """A pack that has been unpacked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names(self) -> list[str]:
        found = list(islice(self._path.rglob("*"), MOST_FILES + 1))
        require(len(found) <= MOST_FILES, "the folder has too many files")
        files = (each for each in found if each.is_symlink() or not each.is_dir())
        return [file.relative_to(self._path).as_posix() for file in files]

    def open(self, name: str) -> IO[bytes]:
        path = self._path / name
        require(stat.S_ISREG(path.lstat().st_mode), name + " is no plain file")
        return path.open("rb")


class Archive:
    """A pack as one ZIP file."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            _check_directory(file)
            self._zip = zipfile.ZipFile(path)
            _check_archive(file, self._zip, path.stat().st_size)

    def names(self) -> list[str]:
        return self._zip.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self._zip.open(name)


def _check_directory(file: IO[bytes]) -> None:
    """Require that the directory is at the end and not too long, before zipfile reads it at once.

    Its length is in the last bytes of the archive, in one of two forms.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - max(_ENDS)))
    end = file.read()
    last = end[-min(_ENDS) :]
    whole = last[:4] == _ENDS[min(_ENDS)] and last[-2:] == bytes(2)
    require(whole, "the archive does not end with its directory")
    if end[56:60] == _LOCATOR:
        length = int.from_bytes(end[40:48], "little")
    else:
        length = int.from_bytes(last[12:16], "little")
    require(length <= LONGEST_DIRECTORY, "the archive has too many files")


def _check_archive(file: IO[bytes], archive: zipfile.ZipFile, size: int) -> None:
    """Require that the archive is its files, one behind the other, then its directory."""
    members = archive.infolist()
    unpacked = sum(member.file_size for member in members)
    most = min(LARGEST, SMALL + MOST_GROWTH * size)
    require(unpacked <= most, "the archive grows too much when unpacked")
    place = 0
    for member in members:
        name = repr(member.filename)
        require(member.header_offset == place, "the archive has bytes before " + name)
        place = _end_of(file, member, name)
    require(archive.start_dir == place, "the archive has bytes between its files and directory")
    for member in members:
        place += _DIRECTORY_ENTRY + len(member.orig_filename) + len(member.extra)
        require(not member.comment, "the archive has a comment on a file")
    file.seek(place)
    end = file.read(max(_ENDS) + 1)
    ends = not archive.comment and end[:4] == _ENDS.get(len(end))
    require(ends, "the archive goes on after its directory")


def _end_of(file: IO[bytes], member: zipfile.ZipInfo, name: str) -> int:
    """Check one file with its header and return the place of the byte behind it."""
    require(member.orig_filename.isascii(), "the archive has an unknown name: " + name)
    require(member.filename == member.orig_filename, "the archive has an unknown name: " + name)
    file.seek(member.header_offset)
    header = _LOCAL.unpack(file.read(_LOCAL.size))
    flags, method, sums, lengths = header[2], header[3], header[6:9], header[9:]
    same = (flags, method) == (member.flag_bits, member.compress_type)
    same = same and file.read(lengths[0]) == member.filename.encode()
    known = (flags, method) in ((0, zipfile.ZIP_STORED), (0, 8), (_STREAMED, 8))
    require(same and known, "the archive describes a file in two ways: " + name)
    file.seek(lengths[1], 1)
    if method == zipfile.ZIP_DEFLATED:
        _check_data(file, member, name)
    else:
        file.seek(member.compress_size, 1)
    wanted = (member.CRC, member.compress_size, member.file_size)
    if flags == _STREAMED:
        return _descriptor(file, wanted, name)
    require(sums == wanted, "the archive describes a file in two ways: " + name)
    return file.tell()


def _check_data(file: IO[bytes], member: zipfile.ZipInfo, name: str) -> None:
    """Require that the compressed data end exactly where the directory says.

    Otherwise something could be hidden between the end of the data and the next file.
    """
    inflate, left, size = zlib.decompressobj(-15), member.compress_size, 0
    while left > 0 and not inflate.eof:
        patience.require_time()
        chunk = file.read(min(CHUNK, left))
        require(chunk, "the archive ends within " + name)
        left -= len(chunk)
        size += len(inflate.decompress(chunk))
        require(size <= member.file_size, "the archive is longer than it says: " + name)
    ends = inflate.eof and not inflate.unused_data and left == 0 and size == member.file_size
    require(ends, "the archive hides something behind " + name)


def _descriptor(file: IO[bytes], wanted: tuple[int, int, int], name: str) -> int:
    """Check the descriptor behind the data of a file and return the place of the byte behind it.

    A program that writes a file before it knows its size puts the checksum and the sizes there.
    """
    place = file.tell()
    for form in _DESCRIPTORS:
        file.seek(place)
        if file.read(form.size) == form.pack(b"PK\x07\x08", *wanted):
            return file.tell()
    raise BrokenError("the archive describes a file in two ways: " + name)
