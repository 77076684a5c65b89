"""The files of the pack, one after the other, from batches of rows."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import orjson

from app.domain.evidence.seal import GENESIS
from app.models import RecordSeal, SessionQuestion
from app.repositories.evidence.audit_pack import (
    ChainLink,
    PackedEvidence,
    PackedRecord,
    PackScope,
    RosterRow,
)
from app.services.evidence.audit_pack.spool import RecordTables, Table, json_array, once
from app.services.unit_of_work import UnitOfWork

VERIFIER = files("app") / "content" / "verifier" / "verify.py"

ROSTER_COLUMNS = (
    "session_id",
    "module_id",
    "module_title",
    "starts_at",
    "duration_minutes",
    "mode",
    "place",
    "instructor_name",
    "instructor_qualification",
    "closed_at",
    "attendance_id",
    "user_id",
    "full_name",
    "job_title",
    "status",
    "marked_by_id",
    "marked_at",
)
QUESTION_COLUMNS = ("id", "session_id", "user_id", "question", "answer", "created_at")
EXTERNAL_COLUMNS = (
    "id",
    "user_id",
    "full_name",
    "email",
    "job_title",
    "provider",
    "title",
    "instructor_name",
    "instructor_qualification",
    "completed_on",
    "hours",
    "module_id",
    "credential_kind",
    "printed_expiry",
    "evidence_reference",
    "provider_number",
    "ce_category",
    "ce_delivery",
    "reviewed_by_id",
    "reviewed_at",
    "review_reason",
    "withdrawn_on",
    "withdrawal_reason",
)

Progress = Callable[[int], None]
Member = tuple[str, AsyncIterator[bytes]]


@dataclass(slots=True)
class Contents:
    """What the manifest says besides the files; `seal_head` is known after the seals."""

    scope: PackScope
    records: int
    seal_head: str = GENESIS


async def members(uow: UnitOfWork, contents: Contents, progress: Progress) -> AsyncIterator[Member]:
    scope = contents.scope
    tables = RecordTables()
    yield "records.json", json_array(_records(uow, scope, tables, progress))
    for name, table in tables.members():
        yield name, table.chunks()
    yield "chains.json", json_array(_links(uow, scope))
    yield "seals.json", json_array(_seals(uow, contents))
    async for version in uow.audit_packs.versions(scope):
        sha256 = version.content_sha256
        yield f"content/{sha256}.json", once(version.content)
        yield f"outlines/{sha256}.json", once(orjson.dumps(version.outline))
    for name, columns, items in (
        ("rosters", ROSTER_COLUMNS, _rosters),
        ("questions", QUESTION_COLUMNS, _questions),
        ("external_trainings", EXTERNAL_COLUMNS, _external_evidence),
    ):
        table = Table(columns)
        yield f"{name}.json", json_array(_tabled(items(uow, scope), table))
        yield f"{name}.csv", table.chunks()
    yield "verify.py", once(VERIFIER.read_bytes())


async def _records(
    uow: UnitOfWork, scope: PackScope, tables: RecordTables, progress: Progress
) -> AsyncIterator[list[dict[str, Any]]]:
    done = 0
    async for batch in uow.audit_packs.records(scope):
        for packed in batch:
            tables.add(orjson.loads(packed.record.payload))
        yield [_record(packed) for packed in batch]
        done += len(batch)
        progress(done)


def _record(packed: PackedRecord) -> dict[str, Any]:
    record = packed.record
    return {
        "id": record.id,
        "user_id": record.user_id,
        "sequence": record.sequence,
        "corrects_id": record.corrects_id,
        "seal": packed.seal,
        "position": packed.position,
        "previous_hash": record.previous_hash,
        "hash": record.hash,
        "payload": record.payload,
    }


async def _links(uow: UnitOfWork, scope: PackScope) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.audit_packs.links(scope):
        yield [_link(link) for link in batch]


def _link(link: ChainLink) -> dict[str, Any]:
    return {
        "user_id": link.user_id,
        "sequence": link.sequence,
        "record_id": link.record_id if link.included else None,
        "previous_hash": link.previous_hash,
        "hash": link.hash,
        "included": link.included,
    }


async def _seals(uow: UnitOfWork, contents: Contents) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield every seal; the leaves of those that cover a record of the scope."""
    covering = await uow.audit_packs.seals_of(contents.scope)
    for seal in await uow.audit_packs.seals():
        leaves = await uow.audit_packs.leaves(seal.id) if seal.id in covering else None
        contents.seal_head = seal.hash
        yield [_seal(seal, leaves)]


def _seal(seal: RecordSeal, leaves: list[str] | None) -> dict[str, Any]:
    return {
        "number": seal.number,
        "record_count": seal.record_count,
        "merkle_root": seal.merkle_root,
        "previous_hash": seal.previous_hash,
        "hash": seal.hash,
        "sealed_at": seal.created_at,
        "leaves": leaves,
    }


async def _tabled(
    batches: AsyncIterator[list[dict[str, Any]]], table: Table
) -> AsyncIterator[list[dict[str, Any]]]:
    """Pass batches on as plain JSON values, and put them into their table."""
    async for batch in batches:
        plain = [orjson.loads(orjson.dumps(item, default=str)) for item in batch]
        for item in plain:
            table.add(item)
        yield plain


async def _rosters(uow: UnitOfWork, scope: PackScope) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.audit_packs.rosters(scope):
        yield [_roster_line(row) for row in batch]


def _roster_line(row: RosterRow) -> dict[str, Any]:
    live, attendance = row.live, row.attendance
    return {
        "session_id": live.id,
        "module_id": live.module_id,
        "module_title": row.module_title,
        "starts_at": live.starts_at,
        "duration_minutes": live.duration_minutes,
        "mode": live.mode,
        "place": live.place,
        "instructor_name": live.instructor_name,
        "instructor_qualification": live.instructor_qualification,
        "closed_at": live.closed_at,
        "attendance_id": attendance.id,
        "user_id": attendance.user_id,
        "full_name": attendance.full_name,
        "job_title": attendance.job_title,
        "status": attendance.status,
        "marked_by_id": attendance.marked_by_id,
        "marked_at": attendance.marked_at,
    }


async def _questions(uow: UnitOfWork, scope: PackScope) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.audit_packs.questions(scope):
        yield [_fields(question, QUESTION_COLUMNS) for question in batch]


def _fields(row: SessionQuestion, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


async def _external_evidence(
    uow: UnitOfWork, scope: PackScope
) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.audit_packs.external_evidence(scope):
        yield [_external(row) for row in batch]


def _external(row: PackedEvidence) -> dict[str, Any]:
    person = row.evidence.user_snapshot or {}
    known = {
        **{name: person.get(name) for name in ("full_name", "email", "job_title")},
        "withdrawn_on": row.withdrawn_on,
        "withdrawal_reason": row.withdrawal_reason,
    }
    return {
        name: known[name] if name in known else getattr(row.evidence, name)
        for name in EXTERNAL_COLUMNS
    }
