"""Checks the records, the seals and all evidence in the database, and finds the first fault."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson

from app.domain.evidence.seal import GENESIS, merkle_root, record_hash, seal_hash
from app.models import Erasure, RecordSeal, TrainingRecord
from app.repositories.evidence.seal import LATEST_COMMIT, TRAIL, Leaf
from app.services.unit_of_work import UnitOfWork

RECORDS = TrainingRecord.__tablename__


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first fault. `record_id` is None if the fault is in a seal or in an erased chain."""

    reason: str
    record_id: uuid.UUID | None
    user_id: uuid.UUID | None = None
    seal_number: int | None = None
    kind: str = RECORDS
    """The table in which `record_id` is."""


@dataclass(frozen=True, slots=True)
class Verification:
    records: int
    people: int
    seals: int
    sealed: int
    """How many records, pieces of other evidence and audit events are under seals."""

    unsealed: int
    erased: int
    """How many people were erased whose chain of hashes is still complete."""

    broken: BrokenLink | None


async def verification(uow: UnitOfWork, seal_head: str | None) -> Verification:
    tally = _Tally()
    broken = await _first_broken_record(uow.training_records.stream_all(), tally)
    seals = await uow.seals.all()
    erasures = await uow.retention.erasures()
    broken = broken or await _first_broken_erasure(uow, erasures)
    broken = broken or await _first_broken_seal(uow, seals, tally)
    broken = broken or _unknown_head(seals, seal_head)
    broken = broken or await _added(uow, tally)
    broken = broken or await _contradiction(uow)
    return Verification(
        records=tally.records,
        people=tally.people,
        seals=len(seals),
        sealed=tally.sealed,
        unsealed=await uow.seals.unsealed_count(),
        erased=len(erasures),
        broken=broken,
    )


@dataclass(slots=True)
class _Tally:
    records: int = 0
    people: int = 0
    sealed: int = 0
    newest: dict[str, datetime] = field(default_factory=dict)
    """The time of the newest sealed row, by the kind of evidence that its seal covers."""

    complete: datetime | None = None
    """When the audit trail was last sealed. It is sealed last, so all else was sealed by then."""

    def through(self, covers: str) -> datetime | None:
        """Return the time up to which all evidence of a kind is sealed; None if none of it is."""
        newest = self.newest.get(covers)
        if newest is None or self.complete is None or covers == TRAIL:
            return newest
        return max(newest, self.complete)

    def count(self, leaves: Sequence[Leaf], seal: RecordSeal) -> None:
        self.sealed += len(leaves)
        # Until revision 0024, seals covered only records and took them in the order of their
        # random ids. From such a seal nothing follows about the time of unsealed records. These
        # seals come before all others.
        of_records = all(leaf.kind == RECORDS for leaf in leaves)
        if seal.covers is None and of_records and not self.newest:
            return
        self._note_times(leaves, seal.created_at)

    def _note_times(self, leaves: Sequence[Leaf], sealed_at: datetime) -> None:
        for leaf in leaves:
            # A row cannot be newer than its seal, even if it says so.
            if leaf.recorded_at is not None:
                recorded_at = min(leaf.recorded_at, sealed_at)
                self.newest[leaf.covers] = max(
                    recorded_at, self.newest.get(leaf.covers, recorded_at)
                )
        if any(leaf.covers == TRAIL for leaf in leaves):
            self.complete = sealed_at


async def _first_broken_record(
    records: AsyncIterator[TrainingRecord], tally: _Tally
) -> BrokenLink | None:
    user_id, sequence, previous_hash = None, 0, GENESIS
    async for record in records:
        if record.user_id != user_id:
            user_id, sequence, previous_hash = record.user_id, 0, GENESIS
            tally.people += 1
        sequence += 1
        tally.records += 1
        if reason := _fault(record, sequence, previous_hash):
            return BrokenLink(reason, record.id, record.user_id)
        previous_hash = record.hash
    return None


def _fault(record: TrainingRecord, sequence: int, previous_hash: str) -> str | None:
    if record.sequence != sequence:
        return "a record before this one is missing"
    if record.previous_hash != previous_hash:
        return "the link to the record before is wrong"
    if record.hash != record_hash(record.previous_hash, record.payload):
        return "the hash does not fit the payload"
    return _column_fault(record)


def _column_fault(record: TrainingRecord) -> str | None:
    """Compare the columns, which queries use, with the payload, which the hash covers."""
    payload = orjson.loads(record.payload)
    columns = {
        "id": str(record.id),
        "user_id": str(record.user_id),
        "sequence": record.sequence,
        "enrollment_id": str(record.enrollment_id) if record.enrollment_id else None,
        "corrects_id": str(record.corrects_id) if record.corrects_id else None,
        "module_id": str(record.module_id),
        "version_id": str(record.version_id),
        "user": record.user_snapshot,
        "module_title": record.module_title,
        "version": record.version,
        "content_sha256": record.content_sha256,
        "completed_at": rfc3339(record.completed_at),
        "local_date": record.local_date.isoformat(),
        "time_zone": record.time_zone,
        "minutes": record.minutes,
        "score_percent": None if record.score_percent is None else float(record.score_percent),
    }
    if "recorded_at" in payload:
        columns["recorded_at"] = rfc3339(record.created_at)
    for name, value in columns.items():
        if payload.get(name) != value:
            return f"the column for {name} differs from the payload"
    return None


async def _first_broken_erasure(uow: UnitOfWork, erasures: list[Erasure]) -> BrokenLink | None:
    for erasure in erasures:
        links = await uow.retention.erased_links(erasure.id)
        previous_hash = GENESIS
        for sequence, link in enumerate(links, start=1):
            if link.sequence != sequence or link.previous_hash != previous_hash:
                return BrokenLink("an erased link is missing", link.record_id, erasure.user_id)
            previous_hash = link.hash
        if len(links) != erasure.record_count or previous_hash != erasure.last_hash:
            return BrokenLink("the erased chain has another end", None, erasure.user_id)
        if await uow.retention.sealed_count(erasure.id) != len(links):
            return BrokenLink("an erased record was never sealed", None, erasure.user_id)
        if await uow.retention.has_records(erasure.user_id):
            return BrokenLink("an erased person has records", None, erasure.user_id)
    return None


async def _first_broken_seal(
    uow: UnitOfWork, seals: list[RecordSeal], tally: _Tally
) -> BrokenLink | None:
    previous_hash = GENESIS
    for number, seal in enumerate(seals, start=1):
        if seal.number != number or seal.previous_hash != previous_hash:
            return BrokenLink("a seal before this one is missing", None, seal_number=seal.number)
        if broken := await _seal_fault(uow, seal, tally):
            return broken
        previous_hash = seal.hash
    return None


async def _seal_fault(uow: UnitOfWork, seal: RecordSeal, tally: _Tally) -> BrokenLink | None:
    leaves = await uow.seals.leaves(seal.id)
    for leaf in leaves:
        if reason := _leaf_fault(leaf, tally):
            return BrokenLink(reason, leaf.id, seal_number=seal.number, kind=leaf.kind)
    tally.count(leaves, seal)
    root = merkle_root([leaf.sealed_hash for leaf in leaves])
    expected = seal_hash(seal.previous_hash, seal.number, len(leaves), root, seal.covers)
    if root != seal.merkle_root or len(leaves) != seal.record_count or expected != seal.hash:
        return BrokenLink("the seal does not fit its records", None, seal_number=seal.number)
    return None


def _leaf_fault(leaf: Leaf, tally: _Tally) -> str | None:
    if not leaf.holds:
        gone = leaf.hash is None
        return "a sealed record is missing" if gone else "a sealed record has changed"
    through = tally.through(leaf.covers)
    if leaf.recorded_at and through and leaf.recorded_at < through - LATEST_COMMIT:
        return "it is older than what was sealed before it"
    return None


def _unknown_head(seals: list[RecordSeal], head: str | None) -> BrokenLink | None:
    if head is None or any(seal.hash == head for seal in seals):
        return None
    return BrokenLink("no seal has the hash that was given: they were made anew", None)


async def _added(uow: UnitOfWork, tally: _Tally) -> BrokenLink | None:
    late = await uow.seals.late({covers: tally.through(covers) for covers in tally.newest})
    if late is None:
        return None
    kind, row_id = late
    return BrokenLink("it is older than what is sealed, and no seal covers it", row_id, kind=kind)


async def _contradiction(uow: UnitOfWork) -> BrokenLink | None:
    if enrollment_id := await uow.seals.unrecorded_completion():
        return BrokenLink("it is completed, and has no record", enrollment_id, kind="enrollments")
    if record_id := await uow.seals.record_of_no_completion():
        return BrokenLink("its enrollment does not say that it was completed then", record_id)
    return None


def rfc3339(instant: datetime) -> str:
    """Write an instant exactly as the database's function of the same name does."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
