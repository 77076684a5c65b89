"""The pack's verifier, run as an auditor runs it, on honest packs and on altered ones."""

import asyncio
import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import AuditEvent, ModuleTeaching, TrainingRecord, User
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import AuditPack, AuditPackService, PackQuery
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.module import make_module, publish
from tests.factories.retention import COMPLETED, make_record
from tests.factories.user import make_location, make_user
from tests.support import RollbackDatabase

Files = dict[str, bytes]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'quoted"]


@pytest.fixture
async def people(session: AsyncSession, database: RollbackDatabase) -> list[User]:
    """Two people with three sealed records each, and one more that is not sealed yet."""
    people = [await make_user(session, job_title="Hygienist") for _ in range(2)]
    modules = [await make_module(session) for _ in range(4)]
    for module in modules:
        await publish(database, module)
    session.add(
        ModuleTeaching(
            module_id=modules[0].id,
            contact_name="Ivy Instructor",
            contact_qualification="RN, infection control",
        )
    )
    await session.commit()
    for person in people:
        for module in modules[:3]:
            await make_record(session, person, module)
    await TrainingRecordService(database, SYSTEM).seal()
    await make_record(session, people[0], modules[3])
    return people


async def pack(
    database: RollbackDatabase, query: PackQuery | None = None
) -> tuple[AuditPack, Files]:
    opened = await AuditPackService(database, SYSTEM).open(query or PackQuery())
    content = b"".join([piece async for piece in opened.stream])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return opened, {name: archive.read(name) for name in archive.namelist()}


async def verify(files: Files, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verifier that is in the pack, isolated from this environment."""
    target = folder / "pack.zip"
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    script = folder / "verify.py"
    script.write_bytes(files["verify.py"])
    command = [sys.executable, "-I", str(script), str(target), *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False
    )


def forge(files: Files, *names: str) -> None:
    """Make the manifest fit what was altered, as a careful forger would."""
    manifest = json.loads(files["manifest.json"])
    for name in names:
        content = files[name]
        digest = hashlib.sha256(content).hexdigest()
        manifest["files"][name] = {"sha256": digest, "bytes": len(content)}
    files["manifest.json"] = json.dumps(manifest).encode()


def items(files: Files, name: str) -> list[dict[str, Any]]:
    return list(json.loads(files[name]))


def put(files: Files, name: str, values: list[dict[str, Any]]) -> None:
    lines = ",\n".join(json.dumps(value) for value in values)
    files[name] = f"[\n{lines}\n]\n".encode()


class TestHonestPack:
    async def test_holds(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path
    ) -> None:
        opened, files = await pack(database)
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert result.stdout.startswith("7 records")
        assert opened.manifest_sha256 is not None
        assert opened.manifest_sha256 in result.stdout
        assert opened.seal_head in result.stdout

    async def test_holds_unpacked(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path
    ) -> None:
        _, files = await pack(database)
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        command = [sys.executable, "-I", str(tmp_path / "verify.py")]
        result = await asyncio.to_thread(
            subprocess.run, command, capture_output=True, text=True, check=False
        )
        assert (result.stderr, result.returncode) == ("", 0)

    async def test_holds_without_records(self, database: RollbackDatabase, tmp_path: Path) -> None:
        _, files = await pack(database)
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert items(files, "records.json") == []

    async def test_a_part_of_somebodys_chain_holds(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, session: AsyncSession
    ) -> None:
        module_id = await session.scalar(
            select(TrainingRecord.module_id).where(TrainingRecord.sequence == 2).limit(1)
        )
        _, files = await pack(database, PackQuery(module_id=module_id))
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert {record["sequence"] for record in items(files, "records.json")} == {2}
        outside = [link for link in items(files, "chains.json") if not link["included"]]
        assert len(outside) == 5
        assert all(link["record_id"] is None for link in outside)

    async def test_scopes(
        self, database: RollbackDatabase, people: list[User], session: AsyncSession
    ) -> None:
        day = COMPLETED.date()
        location = await make_location(session)
        people[1].location_id = location.id
        session.add(people[1])
        await session.commit()
        for query, expected in (
            (PackQuery(user_id=people[0].id), 4),
            (PackQuery(location_id=location.id), 3),
            (PackQuery(from_day=day, to_day=day), 7),
            (PackQuery(to_day=day.replace(day=1)), 0),
            (PackQuery(from_day=day.replace(day=31)), 0),
        ):
            opened, files = await pack(database, query)
            assert opened.records == expected == len(items(files, "records.json"))

    async def test_says_which_fields_are_missing(
        self, database: RollbackDatabase, people: list[User]
    ) -> None:
        _, files = await pack(database, PackQuery(user_id=people[1].id))
        missing = [check["missing"] for check in items(files, "check.json")]
        # Also of the record whose module has a contact on file: nobody attended a class.
        assert missing == [["names_and_qualifications_of_trainers"]] * 3

    async def test_is_audited_with_its_manifest(
        self, database: RollbackDatabase, people: list[User], session: AsyncSession
    ) -> None:
        opened, _ = await pack(database)
        events = await session.scalars(
            select(AuditEvent)
            .where(AuditEvent.target_id == opened.pack_id)
            .order_by(AuditEvent.created_at)
        )
        requested, completed = events.all()
        assert requested.action == "audit_pack:requested"
        assert completed.after == {"manifest_sha256": opened.manifest_sha256, "records": 7}

    @pytest.mark.parametrize("text", FORMULAS)
    async def test_spreadsheets_run_nothing(
        self, database: RollbackDatabase, session: AsyncSession, text: str, tmp_path: Path
    ) -> None:
        person = await make_user(session, full_name=text, job_title=text)
        module = await make_module(session, title=f"{text} module")
        await publish(database, module)
        await make_record(session, person, module)
        _, files = await pack(database)
        [row] = csv.DictReader(io.StringIO(files["records.csv"].decode("utf-8-sig"), newline=""))
        assert row["full_name"] == f"'{text}"
        [record] = items(files, "records.json")
        assert json.loads(record["payload"])["user"]["full_name"] == text
        assert (await verify(files, tmp_path)).returncode == 0


def change_byte(files: Files) -> None:
    files["records.json"] = files["records.json"].replace(b"Hygienist", b"Hygienisd", 1)


def change_payload(files: Files) -> None:
    change_byte(files)
    forge(files, "records.json")


def change_payload_and_hash(files: Files) -> None:
    records = items(files, "records.json")
    records[0]["payload"] = records[0]["payload"].replace("Hygienist", "Dentist")
    text = records[0]["previous_hash"] + records[0]["payload"]
    records[0]["hash"] = hashlib.sha256(text.encode()).hexdigest()
    put(files, "records.json", records)
    forge(files, "records.json")


def change_column(files: Files) -> None:
    records = items(files, "records.json")
    records[0]["user_id"] = records[-1]["user_id"]
    put(files, "records.json", records)
    forge(files, "records.json")


def change_table(files: Files) -> None:
    files["records.csv"] = files["records.csv"].replace(b"Hygienist", b"Dentist", 1)
    forge(files, "records.csv")


def change_check(files: Files) -> None:
    checks = items(files, "check.json")
    for check in checks:
        check["missing"] = []
    put(files, "check.json", checks)
    forge(files, "check.json")


def change_signature(files: Files) -> None:
    signatures = items(files, "signatures.json")
    signatures[0]["printed_name"] = "Somebody Else"
    put(files, "signatures.json", signatures)
    forge(files, "signatures.json")


def change_content(files: Files) -> None:
    name = next(name for name in files if name.startswith("content/"))
    files[name] = files[name].replace(b"Wash", b"Warm")
    forge(files, name)


def remove_record(files: Files) -> None:
    put(files, "records.json", items(files, "records.json")[1:])
    forge(files, "records.json")


def remove_record_everywhere(files: Files) -> None:
    """Take the second record of a person out of every file, and renumber nothing."""
    gone = items(files, "records.json")[1]["id"]
    for name, key in (
        ("records.json", "id"),
        ("check.json", "record_id"),
        ("signatures.json", "record_id"),
        ("chains.json", "record_id"),
    ):
        put(files, name, [item for item in items(files, name) if item[key] != gone])
    for name in ("records.csv", "check.csv"):
        rows = files[name].split(b"\r\n")
        files[name] = b"\r\n".join(row for row in rows if gone.encode() not in row)
    manifest = json.loads(files["manifest.json"])
    manifest["records"] -= 1
    files["manifest.json"] = json.dumps(manifest).encode()
    forge(files, "records.json", "check.json", "signatures.json", "chains.json")
    forge(files, "records.csv", "check.csv")


def reorder_chain(files: Files) -> None:
    links = items(files, "chains.json")
    links[0], links[1] = links[1], links[0]
    put(files, "chains.json", links)
    forge(files, "chains.json")


def renumber_reordered_chain(files: Files) -> None:
    links = items(files, "chains.json")
    links[0], links[1] = links[1], links[0]
    links[0]["sequence"], links[1]["sequence"] = 1, 2
    put(files, "chains.json", links)
    forge(files, "chains.json")


def remove_file(files: Files) -> None:
    del files["rosters.csv"]


def remove_content(files: Files) -> None:
    name = next(name for name in files if name.startswith("content/"))
    del files[name]
    manifest = json.loads(files["manifest.json"])
    del manifest["files"][name]
    files["manifest.json"] = json.dumps(manifest).encode()


def add_file(files: Files) -> None:
    files["more.txt"] = b"Trust me."


def forge_entry(files: Files) -> None:
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["records.json"]["sha256"] = "0" * 64
    files["manifest.json"] = json.dumps(manifest).encode()


def escape(files: Files) -> None:
    files["../outside.txt"] = b""
    forge(files, "../outside.txt")


def change_leaf(files: Files) -> None:
    seals = items(files, "seals.json")
    seals[0]["leaves"][0] = "f" * 64
    put(files, "seals.json", seals)
    forge(files, "seals.json")


def change_seal(files: Files) -> None:
    seals = items(files, "seals.json")
    seals[0]["hash"] = "f" * 64
    put(files, "seals.json", seals)
    forge(files, "seals.json")


def move_record_to_another_leaf(files: Files) -> None:
    records = items(files, "records.json")
    sealed = [record for record in records if record["seal"]]
    sealed[0]["position"] = sealed[1]["position"]
    put(files, "records.json", records)
    forge(files, "records.json")


def remove_seals(files: Files) -> None:
    put(files, "seals.json", [])
    files["seals.json"] = b"[]\n"
    forge(files, "seals.json")


ALTERED: dict[Callable[[Files], None], str] = {
    change_byte: "records.json is not what the manifest says",
    change_payload: "the hash does not fit the payload",
    change_payload_and_hash: "its link says something else",
    change_column: "user_id differs from the payload",
    change_table: "records.csv, row 1: job_title is not what the JSON says",
    change_check: "check.json does not fit",
    change_signature: "signatures.json does not fit",
    change_content: "has another hash",
    remove_record: "records.csv, row 1: id is not what the JSON says",
    remove_record_everywhere: "a record is missing or out of order",
    reorder_chain: "a record is missing or out of order",
    renumber_reordered_chain: "the link to the one before is wrong",
    remove_file: "rosters.csv is missing",
    remove_content: "content is missing",
    add_file: "more.txt is not in the manifest",
    forge_entry: "records.json is not what the manifest says",
    escape: "a file has a name that leads outside",
    change_leaf: "seal 1 does not fit its leaves",
    change_seal: "seal 1: the hash is wrong",
    move_record_to_another_leaf: "its seal does not cover it",
    remove_seals: "the seals do not end where the manifest says",
}


@pytest.mark.full
class TestAlteredPack:
    @pytest.mark.parametrize(
        ("alter", "reason"), ALTERED.items(), ids=lambda value: getattr(value, "__name__", "")
    )
    async def test_is_caught(
        self,
        database: RollbackDatabase,
        people: list[User],
        tmp_path: Path,
        alter: Callable[[Files], None],
        reason: str,
    ) -> None:
        _, files = await pack(database)
        alter(files)
        result = await verify(files, tmp_path)
        assert reason in result.stderr
        assert (result.stdout, result.returncode) == ("", 1)

    @pytest.mark.parametrize("option", ["--manifest-sha256", "--seal-head"])
    async def test_a_pack_made_anew_is_not_the_named_one(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, option: str
    ) -> None:
        opened, files = await pack(database)
        named = opened.manifest_sha256 if option.startswith("--m") else opened.seal_head
        assert (await verify(files, tmp_path, option, str(named))).returncode == 0
        other = await verify(files, tmp_path, option, "0" * 64)
        assert "that you named" in other.stderr

    async def test_not_a_pack(
        self, people: list[User], tmp_path: Path, database: RollbackDatabase
    ) -> None:
        _, files = await pack(database)
        files["manifest.json"] = b"{}"
        assert (await verify(files, tmp_path)).returncode == 1
