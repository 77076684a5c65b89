# a script that leaves the application, so no part of a package
"""Verify an auditor's pack. Needs Python 3.8 or later, and nothing else.

    python -I verify.py PACK.zip [--manifest-sha256 HEX] [--seal-head HEX]

PACK is the archive or the folder that it was unpacked to; without it, the folder of this script.
What has to hold:

- manifest.json lists every other file with its size and SHA-256;
- the chain of each person runs from its first record without a gap: each link names the hash of
  the one before it; every record is a link, and every link of the scope has its record;
- a record's hash is SHA-256(previous_hash + payload), its columns repeat its payload;
- the content of each record is there, under the SHA-256 that the record names;
- the seals form a chain, and each sealed record is the Merkle leaf (RFC 9162) that it says;
- each table for spreadsheets says what its JSON twin says.

A manifest carries no secret: whoever alters everything can also make a new one. So compare its
SHA-256, printed below, with the one in the organisation's audit trail, and the head of the seals
with one that you were given earlier.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import sys
import zipfile
from pathlib import Path
from typing import IO, Any, Callable, Iterator, Protocol  # noqa: UP035  # Python 3.8

GENESIS = "0" * 64
CHUNK = 1 << 20
TWINS = ("check", "external_trainings", "questions", "rosters")
RECORD_COLUMNS = {
    "full_name": ("user", "full_name"),
    "email": ("user", "email"),
    "job_title": ("user", "job_title"),
    "department": ("user", "department"),
    "location": ("user", "location"),
}


class BrokenError(Exception):
    """The first thing that does not hold."""


def require(holds: object, reason: str) -> None:
    if not holds:
        raise BrokenError(reason)


class Pack(Protocol):
    def names(self) -> list[str]: ...

    def open(self, name: str) -> IO[bytes]: ...


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path

    def names(self) -> list[str]:
        inside = (
            found.relative_to(self.path) for found in self.path.rglob("*") if not _is_dir(found)
        )
        return [found.as_posix() for found in inside if "__pycache__" not in found.parts]

    def open(self, name: str) -> IO[bytes]:
        path = self.path / name
        require(not path.is_symlink(), name + " is a link")
        return path.open("rb")


def _is_dir(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


class Archive:
    def __init__(self, path: Path) -> None:
        self.archive = zipfile.ZipFile(path)
        first = min((member.header_offset for member in self.archive.infolist()), default=0)
        require(first == 0, "the archive has something before its first file")

    def names(self) -> list[str]:
        return self.archive.namelist()

    def open(self, name: str) -> IO[bytes]:
        return self.archive.open(name)


def digest_of(pack: Pack, name: str, limit: int) -> tuple[str, int]:
    """Hash a file, reading no more than one byte beyond `limit`."""
    digest = hashlib.sha256()
    size = 0
    with pack.open(name) as stream:
        while True:
            chunk = stream.read(min(CHUNK, limit + 1 - size))
            if not chunk:
                return digest.hexdigest(), size
            digest.update(chunk)
            size += len(chunk)
            require(size <= limit, name + " is longer than the manifest says")


def read_json(pack: Pack, name: str) -> Any:  # noqa: ANN401  # JSON
    with pack.open(name) as stream:
        return json.loads(stream.read().decode("utf-8"))


def lines(pack: Pack, name: str) -> Iterator[Any]:
    """Yield the items of an array that has one item a line, one at a time."""
    with pack.open(name) as stream:
        for raw in io.TextIOWrapper(stream, encoding="utf-8", newline="\n"):
            line = raw.strip().rstrip(",")
            if line not in ("[", "]", "[]", ""):
                yield json.loads(line)


def rows(pack: Pack, name: str) -> Iterator[dict[str, str]]:
    with pack.open(name) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        yield from csv.DictReader(text)


def check_files(pack: Pack) -> dict[str, Any]:
    names = pack.names()
    require(len(names) == len(set(names)), "a file is in the pack twice")
    for name in names:
        parts = name.split("/")
        safe = ".." not in parts and "" not in parts and "\\" not in name and ":" not in name
        require(safe, "a file has a name that leads outside: " + repr(name))
    require("manifest.json" in names, "manifest.json is missing")
    manifest = read_json(pack, "manifest.json")
    require(manifest.get("format") == 1, "this verifier does not know the pack's format")
    listed = manifest["files"]
    for name in sorted(set(listed) - set(names)):
        raise BrokenError(name + " is missing")
    for name in sorted(set(names) - set(listed) - {"manifest.json"}):
        raise BrokenError(name + " is not in the manifest")
    for name in sorted(listed):
        digest, size = digest_of(pack, name, listed[name]["bytes"])
        same = digest == listed[name]["sha256"] and size == listed[name]["bytes"]
        require(same, name + " is not what the manifest says")
    return dict(manifest)


def tree(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:])).digest()


def check_seals(pack: Pack) -> tuple[dict[int, list[str]], str]:
    """Return the leaves of the seals that cover records of the scope, and the last seal's hash."""
    previous = GENESIS
    sealed: dict[int, list[str]] = {}
    for number, seal in enumerate(lines(pack, "seals.json"), 1):
        where = f"seal {number}"
        linked = seal["number"] == number and seal["previous_hash"] == previous
        require(linked, where + ": a seal before it is missing")
        leaves = seal["leaves"]
        if leaves is not None:
            root = tree([bytes.fromhex(leaf) for leaf in leaves]).hex()
            fits = len(leaves) == seal["record_count"] and root == seal["merkle_root"]
            require(fits, where + " does not fit its leaves")
            sealed[number] = leaves
        text = f"{previous}:{number}:{seal['record_count']}:{seal['merkle_root']}"
        right = hashlib.sha256(text.encode()).hexdigest() == seal["hash"]
        require(right, where + ": the hash is wrong")
        previous = seal["hash"]
    return sealed, previous


def check_chains(pack: Pack) -> dict[str, Any]:
    """Return the links that the scope has records of, by record id."""
    included: dict[str, Any] = {}
    user, sequence, previous = None, 0, GENESIS
    finished: set[str | None] = set()
    for link in lines(pack, "chains.json"):
        if link["user_id"] != user:
            require(link["user_id"] not in finished, "the chain of a person is in two pieces")
            finished.add(user)
            user, sequence, previous = link["user_id"], 0, GENESIS
        sequence += 1
        where = f"the chain of person {user}, link {sequence}"
        require(link["sequence"] == sequence, where + ": a record is missing or out of order")
        require(link["previous_hash"] == previous, where + ": the link to the one before is wrong")
        previous = link["hash"]
        if link["included"]:
            included[link["record_id"]] = link
    return included


def check_content(pack: Pack, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the outlines by the hash of their content."""
    outlines: dict[str, Any] = {}
    for name in manifest["files"]:
        folder, _, rest = name.partition("/")
        sha256 = rest[: -len(".json")]
        if folder == "content":
            require(manifest["files"][name]["sha256"] == sha256, name + " has another hash")
        elif folder == "outlines":
            outlines[sha256] = read_json(pack, name)
    for sha256 in outlines:
        require(f"content/{sha256}.json" in manifest["files"], "content is missing: " + sha256)
    return outlines


def columns_of(record: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    """Return what the record's columns have to be."""
    return {
        "id": payload["id"],
        "user_id": payload["user_id"],
        "sequence": payload["sequence"],
        "corrects_id": payload.get("corrects_id"),
        "previous_hash": record["previous_hash"],
        "hash": record["hash"],
    }


def check_record(
    record: dict[str, Any],
    links: dict[str, Any],
    sealed: dict[int, list[str]],
    outlines: dict[str, Any],
) -> dict[str, Any]:
    where = f"record {record['id']}"
    text = record["previous_hash"] + record["payload"]
    right = hashlib.sha256(text.encode("utf-8")).hexdigest() == record["hash"]
    require(right, where + ": the hash does not fit the payload")
    payload = json.loads(record["payload"])
    for name, value in columns_of(record, payload).items():
        require(record.get(name) == value, f"{where}: {name} differs from the payload")
    link = links.pop(record["id"], None)
    require(link is not None, where + ": it is not a link of its person's chain")
    for name in ("user_id", "sequence", "previous_hash", "hash"):
        require(link[name] == record[name], where + ": its link says something else")
    if record["seal"] is not None:
        leaves = sealed.get(record["seal"], [])
        position = record["position"]
        covered = 1 <= position <= len(leaves) and leaves[position - 1] == record["hash"]
        require(covered, where + ": its seal does not cover it")
    outline = outlines.get(payload["content_sha256"])
    require(outline is not None, where + ": its content is missing")
    require(outline == payload["outline"], where + ": its outline is another one")
    return dict(payload)


def inert(text: str) -> str:
    shown = text.lstrip()
    if text[:1] in ("\t", "\r", "\n", "'") or shown[:1] in tuple("=+-@\uff1d\uff0b\uff0d\uff20"):
        return "'" + text
    return text


def cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return inert(value)
    if isinstance(value, list):
        return inert("; ".join(str(item) for item in value))
    return str(value)


def value_of(payload: dict[str, Any], column: str) -> Any:  # noqa: ANN401  # JSON
    value: Any = payload
    for key in RECORD_COLUMNS.get(column, (column,)):
        value = (value or {}).get(key)
    return value


def missing_fields(payload: dict[str, Any]) -> list[str]:
    """29 CFR 1910.1030(h)(2)(i)(A) to (D)."""
    trainers = [one for one in payload.get("instructors") or [] if one.get("role") != "contact"]
    user = payload.get("user") or {}
    named = all(trainer.get("name") and trainer.get("qualification") for trainer in trainers)
    present = (
        ("dates", payload.get("local_date")),
        ("contents_or_summary", payload.get("outline") and payload.get("content_sha256")),
        ("names_and_qualifications_of_trainers", trainers and named),
        ("names_and_job_titles_of_attendees", user.get("full_name") and user.get("job_title")),
    )
    return [name for name, there in present if not there]


def same_row(row: dict[str, str], expected: Callable[[str], object], where: str) -> None:
    require(None not in row, where + " has too many cells")
    for column, text in row.items():
        require(text == cell(expected(column)), f"{where}: {column} is not what the JSON says")


def check_records(
    pack: Pack,
    links: dict[str, Any],
    sealed: dict[int, list[str]],
    outlines: dict[str, Any],
) -> int:
    """Check every record, and that the tables made of records repeat them in their order."""
    table = rows(pack, "records.csv")
    checks = lines(pack, "check.json")
    signed = lines(pack, "signatures.json")
    count = 0
    for record in lines(pack, "records.json"):
        payload = check_record(record, links, sealed, outlines)
        count += 1
        check_row(next(table, None), payload, f"records.csv, row {count}")
        check_osha(next(checks, {}), payload)
        check_signatures(signed, payload)
    for name, rest in (("records.csv", table), ("check.json", checks), ("signatures.json", signed)):
        require(next(rest, None) is None, name + " says more than the records")
    require(not links, f"record {next(iter(links), '')} is missing")
    return count


def check_row(row: dict[str, str] | None, payload: dict[str, Any], where: str) -> None:
    require(row is not None, where + " is missing")
    same_row(row or {}, lambda column: value_of(payload, column), where)


def check_osha(check: dict[str, Any], payload: dict[str, Any]) -> None:
    fits = check.get("record_id") == payload["id"]
    fits = fits and check.get("missing") == missing_fields(payload)
    require(fits, f"check.json does not fit record {payload['id']}")


def check_signatures(signed: Iterator[Any], payload: dict[str, Any]) -> None:
    for signature in payload["signatures"]:
        expected = dict(signature, record_id=payload["id"], user_id=payload["user_id"])
        require(next(signed, None) == expected, f"signatures.json does not fit {payload['id']}")


def check_twins(pack: Pack) -> None:
    for name in TWINS:
        items = lines(pack, name + ".json")
        for number, row in enumerate(rows(pack, name + ".csv"), 1):
            where = f"{name}.csv, row {number}"
            item = next(items, None)
            require(item is not None, where + " is not in the JSON")
            same_row(row, (item or {}).get, where)
        require(next(items, None) is None, name + ".csv has too few rows")


def verify(
    pack: Pack, manifest_sha256: str | None = None, seal_head: str | None = None
) -> list[str]:
    """Return the lines to print; raise BrokenError at the first thing that does not hold."""
    found = digest_of(pack, "manifest.json", 1 << 30)[0]
    require(manifest_sha256 in (None, found), "the manifest is not the one that you named")
    manifest = check_files(pack)
    sealed, head = check_seals(pack)
    require(head == manifest["seal_head"], "the seals do not end where the manifest says")
    require(seal_head in (None, head), "the seals do not end with the one that you named")
    links = check_chains(pack)
    count = check_records(pack, links, sealed, check_content(pack, manifest))
    require(count == manifest["records"], "the manifest counts other records")
    check_twins(pack)
    return [
        f"{count} records and {len(manifest['files'])} files hold.",
        "SHA-256 of the manifest: " + found,
        "Head of the seals: " + head,
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an auditor's pack.")
    parser.add_argument("pack", nargs="?", type=Path, default=Path(__file__).parent)
    parser.add_argument("--manifest-sha256")
    parser.add_argument("--seal-head")
    given = parser.parse_args()
    try:
        pack = Folder(given.pack) if given.pack.is_dir() else Archive(given.pack)
        report = verify(pack, given.manifest_sha256, given.seal_head)
    except BrokenError as broken:
        sys.stderr.write(f"BROKEN: {broken}\n")
        return 1
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        zipfile.BadZipFile,
        RecursionError,
    ) as error:
        sys.stderr.write(f"BROKEN: the pack cannot be read ({type(error).__name__})\n")
        return 1
    sys.stdout.write("\n".join(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
