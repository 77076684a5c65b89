"""The files of the pack, one after the other, from batches of rows."""

from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from app.domain.evidence.seal import GENESIS
from app.models import RecordSeal, TrainingRecord
from app.repositories.compliance.report_scope import ReportScope
from app.repositories.evidence.audit_pack import (
    ChainLink,
    LinkState,
)
from app.repositories.evidence.audit_pack_scope import PackScope
from app.services.compliance.report_export import COLUMNS, exported
from app.services.evidence.audit_pack.spool import (
    EvidenceTables,
    RecordTables,
    Table,
    json_array,
    once,
)
from app.services.evidence.audit_pack.verifier import VERIFIER, verifier
from app.services.unit_of_work import UnitOfWork

Progress = Callable[[int], None]
Member = tuple[str, AsyncIterator[bytes]]


@dataclass(slots=True)
class Contents:
    """What the manifest says besides the files; `seal_head` is known after the seals."""

    scope: PackScope
    asked: ReportScope
    """Whose compliance the pack shows, on which day and from whose knowledge."""

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
    evidence = EvidenceTables()
    yield "evidence.json", json_array(_evidence(uow, scope, evidence))
    for name, table in evidence.members():
        yield name, table.chunks()
    compliance = Table(COLUMNS)
    yield "compliance.json", json_array(_compliance(uow, contents.asked, compliance))
    yield "compliance.csv", compliance.chunks()
    yield VERIFIER, once(verifier())


async def _records(
    uow: UnitOfWork, scope: PackScope, tables: RecordTables, progress: Progress
) -> AsyncIterator[list[dict[str, Any]]]:
    done = 0
    async for batch in uow.audit_packs.records(scope):
        for record in batch:
            tables.add(orjson.loads(record.payload))
        yield [_record(record) for record in batch]
        done += len(batch)
        progress(done)


def _record(record: TrainingRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "user_id": record.user_id,
        "sequence": record.sequence,
        "corrects_id": record.corrects_id,
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
        "record_id": link.record_id if link.state == LinkState.INCLUDED else None,
        "previous_hash": link.previous_hash,
        "hash": link.hash,
        "seal": link.seal,
        "position": link.position,
        "state": link.state,
    }


async def _seals(uow: UnitOfWork, contents: Contents) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield every seal; the leaves of those that cover something in the pack."""
    covering = await uow.audit_packs.seals_of(contents.scope)
    for seal in await uow.audit_packs.seals():
        leaves = await uow.audit_packs.leaves(seal.id) if seal.id in covering else None
        contents.seal_head = seal.hash
        yield [_seal(seal, leaves)]


def _seal(seal: RecordSeal, leaves: list[str] | None) -> dict[str, Any]:
    return {
        "number": seal.number,
        "covers": seal.covers,
        "record_count": seal.record_count,
        "merkle_root": seal.merkle_root,
        "previous_hash": seal.previous_hash,
        "hash": seal.hash,
        "sealed_at": seal.created_at,
        "leaves": leaves,
    }


async def _evidence(
    uow: UnitOfWork, scope: PackScope, tables: EvidenceTables
) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.audit_packs.evidence(scope):
        for item in batch:
            if item.content is not None:
                tables.add(item.kind, orjson.loads(item.content))
        yield [asdict(item) for item in batch]


async def _compliance(
    uow: UnitOfWork, asked: ReportScope, table: Table
) -> AsyncIterator[list[dict[str, Any]]]:
    async for batch in uow.reports.packed_lines(asked):
        items = [dict(zip(COLUMNS, exported(line, asked), strict=True)) for line in batch]
        for item in items:
            table.add(item)
        yield items
