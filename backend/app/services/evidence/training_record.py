"""Evidence: reading it, sealing it, and finding the first link that does not hold."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import orjson

from app.core.pagination import PageRequest
from app.domain.evidence.seal import GENESIS, merkle_root, record_hash, seal_hash
from app.models import Erasure, RecordSeal, TrainingRecord
from app.schemas.base import ListOf
from app.schemas.evidence.training_record import TrainingRecordDetail, TrainingRecordRead
from app.services.answer import Answer
from app.services.base import Service, found
from app.services.unit_of_work import UnitOfWork

MAX_SEAL_SIZE = 10_000


@dataclass(frozen=True, slots=True)
class BrokenLink:
    """The first thing that does not hold. `record_id` is None where a seal itself is wrong."""

    reason: str
    record_id: uuid.UUID | None
    user_id: uuid.UUID | None = None
    seal_number: int | None = None


@dataclass(frozen=True, slots=True)
class Verification:
    records: int
    people: int
    seals: int
    unsealed: int
    erased: int
    """People whose chain was erased after its retention clock; its links still hold."""

    broken: BrokenLink | None


class TrainingRecordService(Service):
    async def list(
        self,
        request: PageRequest,
        *,
        user_id: uuid.UUID | None = None,
        module_id: uuid.UUID | None = None,
    ) -> ListOf[TrainingRecordRead]:
        async with self.reading() as uow:
            if user_id is not None:
                await self.visible_user(uow, user_id)
            page = await uow.training_records.list_visible(
                self.actor, request, user_id=user_id, module_id=module_id
            )
            items = await _with_validity(uow, page.items)
            return ListOf(items=items, next_cursor=page.next_cursor, total=page.total)

    async def get(self, record_id: uuid.UUID) -> Answer[TrainingRecordDetail]:
        async with self.reading() as uow:
            record = found(
                await uow.training_records.get_visible(record_id, self.actor), "training_record"
            )
            [read] = await _with_validity(uow, [record])
            detail = TrainingRecordDetail(
                **dict(read), payload=record.payload, etag=f'"{record.hash}"'
            )
            return Answer(detail)

    async def seal(self) -> RecordSeal | None:
        """Seal the records that no seal covers yet; None when there are none.

        At most `MAX_SEAL_SIZE` a call: repeat until it returns None.
        """
        async with self.work() as uow:
            return await uow.training_records.seal(
                MAX_SEAL_SIZE, actor_id=uow.actor_id, request_id=uow.request_id
            )

    async def verify(self) -> Verification:
        """Recompute every hash, compare every column, check every seal; stop at the first fault."""
        async with self.snapshot() as uow:
            tally = _Tally()
            broken = await _first_broken_record(uow.training_records.stream_all(), tally)
            seals = await uow.training_records.seals()
            unsealed = await uow.training_records.unsealed_count()
            erasures = await uow.retention.erasures()
            broken = broken or await _first_broken_erasure(uow, erasures)
            broken = broken or await _first_broken_seal(uow, seals)
            return Verification(
                tally.records, tally.people, len(seals), unsealed, len(erasures), broken
            )


async def _with_validity(
    uow: UnitOfWork, records: list[TrainingRecord]
) -> list[TrainingRecordRead]:
    """Add the first day on which a record ceases to be enough for something that it met."""
    until = await uow.certification_periods.valid_through([record.id for record in records])
    return [
        TrainingRecordRead.model_validate(record).model_copy(
            update={"valid_through": until.get(record.id)}
        )
        for record in records
    ]


@dataclass(slots=True)
class _Tally:
    records: int = 0
    people: int = 0


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
    """Compare the columns people query with the payload that the hash covers."""
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
        "completed_at": record.completed_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "local_date": record.local_date.isoformat(),
        "time_zone": record.time_zone,
        "minutes": record.minutes,
        "score_percent": None if record.score_percent is None else float(record.score_percent),
    }
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


async def _first_broken_seal(uow: UnitOfWork, seals: list[RecordSeal]) -> BrokenLink | None:
    previous_hash = GENESIS
    for number, seal in enumerate(seals, start=1):
        if seal.number != number or seal.previous_hash != previous_hash:
            return BrokenLink("a seal before this one is missing", None, seal_number=seal.number)
        if broken := await _seal_fault(uow, seal):
            return broken
        previous_hash = seal.hash
    return None


async def _seal_fault(uow: UnitOfWork, seal: RecordSeal) -> BrokenLink | None:
    leaves = await uow.training_records.sealed(seal.id)
    for record_id, sealed_hash, current_hash in leaves:
        if current_hash != sealed_hash:
            gone = current_hash is None
            reason = "a sealed record is missing" if gone else "a sealed record has changed"
            return BrokenLink(reason, record_id, seal_number=seal.number)
    root = merkle_root([sealed_hash for _, sealed_hash, _ in leaves])
    expected = seal_hash(seal.previous_hash, seal.number, len(leaves), root)
    if root != seal.merkle_root or len(leaves) != seal.record_count or expected != seal.hash:
        return BrokenLink("the seal does not fit its records", None, seal_number=seal.number)
    return None
