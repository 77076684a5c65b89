"""The queries of the auditor's pack. They yield batches, because a pack may be large."""

import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Date,
    Row,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import (
    Attendance,
    EvidenceWithdrawal,
    ExternalEvidence,
    LiveSession,
    ModuleVersion,
    RecordSeal,
    SealedRecord,
    SessionQuestion,
    TrainingModule,
    TrainingRecord,
    User,
)
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.models.evidence.live_session import SessionStatus

BATCH = 500


@dataclass(frozen=True, slots=True)
class PackScope:
    """Days are inclusive. `location` matches where people are now or were at completion."""

    from_day: date | None = None
    to_day: date | None = None
    location_id: uuid.UUID | None = None
    location_name: str | None = None
    user_id: uuid.UUID | None = None
    module_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class PackedRecord:
    """`seal` and `position` are None while no seal covers the record."""

    record: TrainingRecord
    seal: int | None
    position: int | None


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One link of a chain. A pack has the whole chain of each person with a record in its scope."""

    user_id: uuid.UUID
    sequence: int
    record_id: uuid.UUID
    previous_hash: str
    hash: str
    included: bool


@dataclass(frozen=True, slots=True)
class PackedVersion:
    content_sha256: str
    content: bytes
    outline: list[object]


@dataclass(frozen=True, slots=True)
class RosterRow:
    live: LiveSession
    module_title: str
    attendance: Attendance


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    evidence: ExternalEvidence
    user: User
    withdrawn_on: date | None
    withdrawal_reason: str | None


class AuditPackRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def record_count(self, scope: PackScope) -> int:
        statement = select(func.count()).select_from(TrainingRecord).where(_in_scope(scope))
        return await self.session.scalar(statement) or 0

    async def records(self, scope: PackScope) -> AsyncIterator[list[PackedRecord]]:
        """Yield batches, person by person, in the order of their chains."""
        statement = _records().where(_in_scope(scope))
        statement = statement.order_by(TrainingRecord.user_id, TrainingRecord.sequence)
        async for rows in self._batches(statement):
            yield [PackedRecord(*row) for row in rows]

    async def links(self, scope: PackScope) -> AsyncIterator[list[ChainLink]]:
        people = select(TrainingRecord.user_id).where(_in_scope(scope))
        statement = (
            select(
                TrainingRecord.user_id,
                TrainingRecord.sequence,
                TrainingRecord.id,
                TrainingRecord.previous_hash,
                TrainingRecord.hash,
                _in_scope(scope),
            )
            .where(TrainingRecord.user_id.in_(people))
            .order_by(TrainingRecord.user_id, TrainingRecord.sequence)
        )
        async for rows in self._batches(statement):
            yield [ChainLink(*row) for row in rows]

    async def seals(self) -> list[RecordSeal]:
        return list(await self.session.scalars(select(RecordSeal).order_by(RecordSeal.number)))

    async def seals_of(self, scope: PackScope) -> set[uuid.UUID]:
        """Return the seals that cover a record of the scope."""
        statement = (
            select(SealedRecord.seal_id)
            .join(TrainingRecord, _is_sealed())
            .where(_in_scope(scope))
            .distinct()
        )
        return set(await self.session.scalars(statement))

    async def leaves(self, seal_id: uuid.UUID) -> list[str]:
        statement = (
            select(SealedRecord.record_hash)
            .where(SealedRecord.seal_id == seal_id)
            .order_by(SealedRecord.position)
        )
        return list(await self.session.scalars(statement))

    async def versions(self, scope: PackScope) -> AsyncIterator[PackedVersion]:
        """Yield the content that the records are about, each once, in the order of hashes."""
        hashes = await self.session.scalars(
            select(TrainingRecord.content_sha256)
            .where(_in_scope(scope))
            .distinct()
            .order_by(TrainingRecord.content_sha256)
        )
        for sha256 in hashes.all():
            statement = (
                select(ModuleVersion.content_sha256, ModuleVersion.content, ModuleVersion.outline)
                .where(ModuleVersion.content_sha256 == sha256)
                .limit(1)
            )
            yield PackedVersion(*(await self.session.execute(statement)).one())

    async def rosters(self, scope: PackScope) -> AsyncIterator[list[RosterRow]]:
        """Yield the closed sessions' roster lines, session by session."""
        statement = (
            select(LiveSession, TrainingModule.title, Attendance)
            .join(TrainingModule, TrainingModule.id == LiveSession.module_id)
            .join(Attendance, Attendance.session_id == LiveSession.id)
            .where(_sessions(scope), _people(scope, Attendance.user_id))
            .order_by(LiveSession.id, Attendance.user_id)
        )
        async for rows in self._batches(statement):
            yield [RosterRow(*row) for row in rows]

    async def questions(self, scope: PackScope) -> AsyncIterator[list[SessionQuestion]]:
        attended = select(Attendance.session_id).where(_people(scope, Attendance.user_id))
        statement = (
            select(SessionQuestion)
            .join(LiveSession, LiveSession.id == SessionQuestion.session_id)
            .where(_sessions(scope), LiveSession.id.in_(attended))
            .order_by(SessionQuestion.created_at, SessionQuestion.id)
        )
        async for rows in self._batches(statement):
            yield [row[0] for row in rows]

    async def external_evidence(self, scope: PackScope) -> AsyncIterator[list[PackedEvidence]]:
        statement = (
            _external_evidence()
            .where(
                _between(ExternalEvidence.completed_on, scope),
                _people(scope, ExternalEvidence.user_id),
                _module(ExternalEvidence.module_id, scope),
            )
            .order_by(ExternalEvidence.id)
        )
        async for rows in self._batches(statement):
            yield [PackedEvidence(*row) for row in rows]

    async def _batches(
        self, statement: Select[*tuple[Any, ...]]
    ) -> AsyncIterator[Sequence[Row[*tuple[Any, ...]]]]:
        """Read through a server-side cursor, so that only one batch is in memory."""
        result = await self.session.stream(statement, execution_options={"yield_per": BATCH})
        try:
            async for rows in result.partitions():
                yield rows
        finally:
            await result.close()


def _records() -> Select[TrainingRecord, int | None, int | None]:
    return (
        select(TrainingRecord, RecordSeal.number, SealedRecord.position)
        .outerjoin(SealedRecord, _is_sealed())
        .outerjoin(RecordSeal, RecordSeal.id == SealedRecord.seal_id)
    )


def _is_sealed() -> ColumnElement[bool]:
    return and_(
        SealedRecord.record_id == TrainingRecord.id,
        SealedRecord.kind == TrainingRecord.__tablename__,
    )


def _external_evidence() -> Select[ExternalEvidence, User, date | None, str | None]:
    return (
        select(ExternalEvidence, User, EvidenceWithdrawal.recorded_on, EvidenceWithdrawal.reason)
        .join(User, User.id == ExternalEvidence.user_id)
        .outerjoin(EvidenceWithdrawal, EvidenceWithdrawal.evidence_id == ExternalEvidence.id)
        .where(ExternalEvidence.status == ExternalEvidenceStatus.VERIFIED)
    )


def _in_scope(scope: PackScope) -> ColumnElement[bool]:
    place: ColumnElement[bool] = true()
    if scope.location_id is not None:
        then = func.jsonb_extract_path_text(TrainingRecord.user_snapshot, "location")
        place = or_(then == scope.location_name, _works_at(scope, TrainingRecord.user_id))
    person = true() if scope.user_id is None else TrainingRecord.user_id == scope.user_id
    return and_(
        _between(TrainingRecord.local_date, scope),
        _module(TrainingRecord.module_id, scope),
        person,
        place,
    )


def _between(
    day: ColumnElement[date] | InstrumentedAttribute[date], scope: PackScope
) -> ColumnElement[bool]:
    first = true() if scope.from_day is None else day >= literal(scope.from_day, Date())
    last = true() if scope.to_day is None else day <= literal(scope.to_day, Date())
    return and_(first, last)


def _module(
    column: InstrumentedAttribute[uuid.UUID] | InstrumentedAttribute[uuid.UUID | None],
    scope: PackScope,
) -> ColumnElement[bool]:
    return true() if scope.module_id is None else column == scope.module_id


def _people(scope: PackScope, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    person = true() if scope.user_id is None else owner == scope.user_id
    return and_(person, true() if scope.location_id is None else _works_at(scope, owner))


def _works_at(scope: PackScope, owner: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    return owner.in_(select(User.id).where(User.location_id == scope.location_id))


def _sessions(scope: PackScope) -> ColumnElement[bool]:
    day = func.timezone("UTC", LiveSession.starts_at).cast(Date)
    closed = LiveSession.status == SessionStatus.CLOSED
    return and_(closed, _between(day, scope), _module(LiveSession.module_id, scope))
