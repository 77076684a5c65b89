"""Changes packs as a forger would, so that the files agree with each other again afterwards."""

import asyncio
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections import UserDict
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from itertools import groupby
from pathlib import Path
from typing import Any

from app.content.verifier.pack_verifier.command import main
from app.core.files.csv_form import csv_lines, csv_start
from app.domain.evidence.audit_pack import (
    EXTERNAL_COLUMNS,
    QUESTION_COLUMNS,
    RECORD_COLUMNS,
    ROSTER_COLUMNS,
    SOURCE_CHECK_COLUMNS,
    cell,
    flat,
    missing_fields,
)
from app.services.compliance.report_export import COLUMNS
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import AuditPack, AuditPackService, PackQuery
from app.services.evidence.audit_pack.spool import CHECK_COLUMNS
from app.services.evidence.audit_pack.verifier import VERIFIER, verifier
from tests.support import RollbackDatabase

# Lines of compliance are in the order of ids.
LINE = re.compile(r"(?<=compliance\.json, item )\d+|(?<=compliance\.csv, row )\d+")
Item = dict[str, Any]
# Ids and hashes in what the verifier says, which differ from run to run.
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}")
TWINS = {
    "rosters": ROSTER_COLUMNS,
    "questions": QUESTION_COLUMNS,
    "external_trainings": EXTERNAL_COLUMNS,
    "source_checks": SOURCE_CHECK_COLUMNS,
    "check": CHECK_COLUMNS,
    "compliance": COLUMNS,
}


async def made_pack(database: RollbackDatabase, query: PackQuery) -> tuple[AuditPack, bytes]:
    opened = await AuditPackService(database, SYSTEM).open(query)
    return opened, b"".join([piece async for piece in opened.stream])


async def verify_file(
    pack: Path, *arguments: str, inside: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the released verifier as an auditor runs it, isolated from this environment."""
    script = (pack if inside else pack.parent) / VERIFIER
    script.write_bytes(verifier())
    command = [sys.executable, "-I", str(script), str(pack), *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )


def verify_here(pack: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier's sources in this process, which is faster and lets mutants be seen."""
    said, refused = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(refused):
        code = main([str(pack), *arguments])
    return subprocess.CompletedProcess(arguments, code, said.getvalue(), refused.getvalue())


def refusal(pack: "Forged", folder: Path, *arguments: str) -> str:
    """Return why a pack is refused, with ID for each id and hash."""
    (folder / "pack.zip").write_bytes(pack.archive())
    result = verify_here(folder / "pack.zip", *arguments)
    assert (result.stdout, result.returncode) == ("", 1)
    reason = ID.sub("ID", result.stderr.removeprefix("BROKEN: ").removesuffix("\n"))
    return LINE.sub("N", reason)


class Forged(UserDict[str, bytes]):
    """The files of a pack by name, with the changes that a knowing forger would make."""

    @classmethod
    def of(cls, content: bytes) -> "Forged":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            return cls({name: archive.read(name) for name in archive.namelist()})

    def names(self) -> list[str]:
        return list(self)

    def open(self, name: str) -> io.BytesIO:
        return io.BytesIO(self[name])

    def values_of(self, name: str) -> list[Item]:
        return list(json.loads(self[name]))

    def put(self, name: str, values: list[Item]) -> None:
        lines = ",\n".join(json.dumps(value, separators=(",", ":")) for value in values)
        self[name] = f"[\n{lines}\n]\n".encode() if values else b"[]\n"

    @property
    def manifest(self) -> Item:
        manifest: Item = json.loads(self["manifest.json"])
        return manifest

    def state(self, **changes: Any) -> None:
        """Make the manifest agree with the files, and change some of its own values."""
        files = {
            name: {"sha256": hashlib.sha256(self[name]).hexdigest(), "bytes": len(self[name])}
            for name in self
            if name != "manifest.json"
        }
        manifest = {**self.manifest, "files": files, **changes}
        self["manifest.json"] = json.dumps(manifest).encode()

    def edit(self, name: str, change: Callable[[Item], Any], which: int = 0) -> None:
        """Change one item of a JSON file, with its table where it has one."""
        values = self.values_of(name)
        change(values[which])
        self.put(name, values)
        self.tabulate(name.removesuffix(".json"))

    def tabulate(self, name: str) -> None:
        if name in TWINS:
            items = self.values_of(f"{name}.json")
            rows = [[cell(item.get(column)) for column in TWINS[name]] for item in items]
            self[f"{name}.csv"] = (csv_start(TWINS[name]) + csv_lines(rows)).encode()

    def payloads(self) -> list[Item]:
        return [json.loads(record["payload"]) for record in self.values_of("records.json")]

    def rewrite(self, records: list[Item], links: list[Item]) -> None:
        """Write records and links, and all files that repeat parts of them."""
        self.put("records.json", records)
        self.put("chains.json", links)
        payloads = self.payloads()
        rows = [[cell(value) for value in flat(payload).values()] for payload in payloads]
        self["records.csv"] = (csv_start(RECORD_COLUMNS) + csv_lines(rows)).encode()
        self.put("signatures.json", list(_signatures(payloads)))
        corrected = {(it["user_id"], it.get("corrects_id")): it["id"] for it in payloads}
        self.put("check.json", [_check(it, corrected) for it in payloads])
        self.tabulate("check")
        used = {payload["content_sha256"] for payload in payloads}
        for name in list(self):
            folder, _, rest = name.partition("/")
            if folder in {"content", "outlines"} and rest.removesuffix(".json") not in used:
                del self[name]
        self.state(records=len(records))

    def rehash(self, records: list[Item], links: list[Item], *, unseal: bool = True) -> None:
        """Make hashes and links fit the payloads; whose hash changes has no seal any more."""
        by_id = {record["id"]: record for record in records}
        for _, chain in groupby(links, key=lambda link: link["user_id"]):
            previous = "0" * 64
            for link in chain:
                was, link["previous_hash"] = link["hash"], previous
                if record := by_id.get(link["record_id"]):
                    record["previous_hash"] = previous
                    record["hash"] = link["hash"] = _hash(previous, record["payload"])
                if unseal and link["hash"] != was:
                    link["seal"] = link["position"] = None
                previous = link["hash"]
        self.rewrite(records, links)

    def archive(self) -> bytes:
        made = io.BytesIO()
        with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.items():
                archive.writestr(name, content)
        return made.getvalue()


def _hash(previous: str, payload: str) -> str:
    return hashlib.sha256((previous + payload).encode()).hexdigest()


def _signatures(payloads: list[Item]) -> Iterator[Item]:
    for payload in payloads:
        for signature in payload["signatures"]:
            yield {"record_id": payload["id"], "user_id": payload["user_id"], **signature}


def _check(payload: Item, corrected: dict[tuple[str, str | None], str]) -> Item:
    row = {"record_id": payload["id"], **flat(payload), "missing": missing_fields(payload)}
    row["corrected_by_id"] = corrected.get((payload["user_id"], payload["id"]))
    return {column: row[column] for column in CHECK_COLUMNS}
