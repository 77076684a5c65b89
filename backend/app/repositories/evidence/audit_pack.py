"""The queries of the auditor's pack. They yield batches, because a pack may be large."""

import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Row,
    Select,
    String,
    Text,
    Uuid,
    and_,
    case,
    cast,
    column,
    func,
    literal,
    null,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.models import (
    CorrectiveStep,
    CorrectiveStepCompletion,
    ErasedEvidence,
    ErasedRecord,
    Erasure,
    EvidenceWithdrawal,
    ExternalEvidence,
    Incident,
    IncidentPerson,
    IncidentWithdrawal,
    LiveSession,
    Media,
    Merge,
    ModuleVersion,
    Position,
    RecordSeal,
    SealedRecord,
    SessionQuestion,
    Signature,
    SourceCheck,
    TrainingRecord,
    VersionMedia,
)
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.models.people.merge import MergeStatus
from app.repositories.evidence.audit_pack_scope import (
    PackScope,
    attended,
    between,
    of_module,
    of_people,
    of_person,
    of_records,
    of_sessions,
)

BATCH = 500
RECORDS = TrainingRecord.__tablename__


class EvidenceKind(StrEnum):
    """The evidence besides records that a pack contains, by table."""

    ERASURES = "erasures"
    FILES = "media"
    VERSIONS = "module_versions"
    SIGNATURES = "signatures"
    SESSIONS = "live_sessions"
    QUESTIONS = "live_session_questions"
    WITHDRAWALS = "evidence_withdrawals"
    EXTERNAL = "external_trainings"
    SOURCE_CHECKS = "source_checks"
    INCIDENTS = "incidents"
    INCIDENT_PEOPLE = "incident_people"
    INCIDENT_WITHDRAWALS = "incident_withdrawals"
    STEPS = "corrective_steps"
    STEPS_DONE = "corrective_step_completions"
    POSITIONS = "positions"
    MERGES = "merges"


class LinkState(StrEnum):
    INCLUDED = "included"
    EXCLUDED = "excluded"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class ChainLink:
    """One link of a chain. A pack has the whole chain of each person with a record in its scope.

    `seal` and `position` are None while no seal covers the link.
    """

    user_id: uuid.UUID
    sequence: int
    record_id: uuid.UUID
    previous_hash: str
    hash: str
    seal: int | None
    position: int | None
    state: LinkState


@dataclass(frozen=True, slots=True)
class PackedVersion:
    content_sha256: str
    content: bytes
    outline: list[object]


@dataclass(frozen=True, slots=True)
class PackedEvidence:
    kind: str
    id: uuid.UUID
    content: str | None
    """The text that `evidence()` returns for the row; None if the row was erased."""

    seal: int | None
    position: int | None
    leaf: str | None
    """The hash that the text had when it was sealed."""


class AuditPackRepository:
    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def record_count(self, scope: PackScope) -> int:
        statement = select(func.count()).select_from(TrainingRecord).where(of_records(scope))
        return await self.session.scalar(statement) or 0

    async def records(self, scope: PackScope) -> AsyncIterator[list[TrainingRecord]]:
        """Yield batches, person by person, in the order of their chains."""
        statement = select(TrainingRecord).where(of_records(scope))
        statement = statement.order_by(TrainingRecord.user_id, TrainingRecord.sequence)
        async for rows in self._batches(statement):
            yield [row[0] for row in rows]

    async def links(self, scope: PackScope) -> AsyncIterator[list[ChainLink]]:
        """Yield whole chains in the order of the records, and then those that were erased."""
        for statement in (_links(scope), _erased(scope)):
            async for rows in self._batches(statement):
                yield [ChainLink(*row) for row in rows]

    async def seals(self) -> list[RecordSeal]:
        return list(await self.session.scalars(select(RecordSeal).order_by(RecordSeal.number)))

    async def seals_of(self, scope: PackScope) -> set[uuid.UUID]:
        """Return the seals that cover a link or other evidence of the pack."""
        if scope.is_everything:
            covers = RecordSeal.covers
            packed = or_(covers.is_(None), covers == RECORDS, covers.in_(list(EvidenceKind)))
            return set(await self.session.scalars(select(RecordSeal.id).where(packed)))
        found = set[uuid.UUID]()
        for kind, ids in _sealed_ids(scope):
            covered = SealedRecord.kind == kind, SealedRecord.record_id.in_(ids)
            found.update(await self.session.scalars(select(SealedRecord.seal_id).where(*covered)))
        return found

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
            .where(of_records(scope))
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

    async def evidence(self, scope: PackScope) -> AsyncIterator[list[PackedEvidence]]:
        """Yield the evidence besides records that is in the scope, kind by kind."""
        for kind, ids in _evidence_ids(scope).items():
            async for rows in self._batches(_evidence(kind, ids)):
                yield [PackedEvidence(*row) for row in rows]
        if scope.is_everything:
            async for rows in self._batches(_gone()):
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


_Link = tuple[uuid.UUID, int, uuid.UUID, str, str, int | None, int | None, LinkState]


def _links(scope: PackScope) -> Select[*_Link]:
    state = case((of_records(scope), LinkState.INCLUDED), else_=LinkState.EXCLUDED)
    return (
        select(
            TrainingRecord.user_id,
            TrainingRecord.sequence,
            TrainingRecord.id,
            TrainingRecord.previous_hash,
            TrainingRecord.hash,
            RecordSeal.number,
            SealedRecord.position,
            state,
        )
        .outerjoin(SealedRecord, _is_sealed(TrainingRecord.id))
        .outerjoin(RecordSeal, RecordSeal.id == SealedRecord.seal_id)
        .where(_has_chain(scope))
        .order_by(TrainingRecord.user_id, TrainingRecord.sequence)
    )


def _erased(scope: PackScope) -> Select[*_Link]:
    return (
        select(
            Erasure.user_id,
            ErasedRecord.sequence,
            ErasedRecord.record_id,
            ErasedRecord.previous_hash,
            ErasedRecord.hash,
            RecordSeal.number,
            SealedRecord.position,
            literal(LinkState.ERASED),
        )
        .join(Erasure, Erasure.id == ErasedRecord.erasure_id)
        .join(SealedRecord, _is_sealed(ErasedRecord.record_id))
        .join(RecordSeal, RecordSeal.id == SealedRecord.seal_id)
        .where(literal(scope.has_whole_chains), of_person(scope, Erasure.user_id))
        .order_by(Erasure.user_id, ErasedRecord.sequence)
    )


def _is_sealed(record_id: InstrumentedAttribute[uuid.UUID]) -> ColumnElement[bool]:
    return and_(SealedRecord.record_id == record_id, SealedRecord.kind == RECORDS)


def _has_chain(scope: PackScope) -> ColumnElement[bool]:
    """Match the people whose chains are in the pack: those with a record in the scope."""
    if scope.has_whole_chains:
        return of_person(scope, TrainingRecord.user_id)
    return TrainingRecord.user_id.in_(select(TrainingRecord.user_id).where(of_records(scope)))


def _sealed_ids(scope: PackScope) -> Iterator[tuple[str, Select[uuid.UUID]]]:
    yield RECORDS, select(TrainingRecord.id).where(_has_chain(scope))
    yield RECORDS, _erased(scope).order_by(None).with_only_columns(ErasedRecord.record_id)
    yield from _evidence_ids(scope).items()


def _evidence_ids(scope: PackScope) -> dict[EvidenceKind, Select[uuid.UUID]]:
    """Return which rows of each kind are in the scope, in the order of the pack."""
    live = select(LiveSession.id).where(of_sessions(scope), attended(scope))
    taught = select(LiveSession.module_id).where(LiveSession.id.in_(live))
    external = select(ExternalEvidence.id).where(
        ExternalEvidence.status != ExternalEvidenceStatus.PENDING,
        between(ExternalEvidence.completed_on, scope),
        of_people(scope, ExternalEvidence.user_id),
        of_module(ExternalEvidence.module_id, scope),
    )
    records = select(TrainingRecord).where(of_records(scope))
    versions = records.with_only_columns(TrainingRecord.version_id)
    enrollments = records.with_only_columns(TrainingRecord.enrollment_id)
    whole = literal(scope.is_everything)
    shown = select(ModuleVersion.id).where(
        or_(whole, ModuleVersion.id.in_(versions), ModuleVersion.module_id.in_(taught))
    )
    references = external.with_only_columns(func.lower(ExternalEvidence.evidence_reference))
    return {
        EvidenceKind.ERASURES: select(Erasure.id),
        EvidenceKind.FILES: select(Media.id).where(
            or_(
                Media.id.in_(
                    select(VersionMedia.media_id).where(VersionMedia.version_id.in_(shown))
                ),
                cast(Media.id, String).in_(references),
            )
        ),
        EvidenceKind.VERSIONS: shown,
        EvidenceKind.SIGNATURES: select(Signature.id).where(
            or_(whole, Signature.enrollment_id.in_(enrollments))
        ),
        EvidenceKind.SESSIONS: live,
        EvidenceKind.QUESTIONS: select(SessionQuestion.id).where(
            SessionQuestion.session_id.in_(live)
        ),
        EvidenceKind.WITHDRAWALS: select(EvidenceWithdrawal.id).where(
            EvidenceWithdrawal.evidence_id.in_(external)
        ),
        EvidenceKind.EXTERNAL: external,
        EvidenceKind.SOURCE_CHECKS: select(SourceCheck.id).where(
            or_(whole, SourceCheck.evidence_id.in_(external))
        ),
        EvidenceKind.POSITIONS: select(Position.id).where(
            of_people(scope, Position.user_id), literal(scope.module_id is None)
        ),
        EvidenceKind.MERGES: select(Merge.id).where(
            Merge.status != MergeStatus.PENDING,
            or_(of_people(scope, Merge.user_id), of_people(scope, Merge.merged_id)),
        ),
        **_incident_ids(scope),
    }


def _incident_ids(scope: PackScope) -> dict[EvidenceKind, Select[uuid.UUID]]:
    """Return the incidents of the scope's days and people; none in the pack of one module."""
    named = select(IncidentPerson.incident_id).where(of_people(scope, IncidentPerson.user_id))
    happened = select(Incident.id).where(
        between(Incident.day, scope), Incident.id.in_(named), literal(scope.module_id is None)
    )
    steps = select(CorrectiveStep.id).where(CorrectiveStep.incident_id.in_(happened))
    return {
        EvidenceKind.INCIDENTS: happened,
        EvidenceKind.INCIDENT_PEOPLE: select(IncidentPerson.id).where(
            IncidentPerson.incident_id.in_(happened), of_people(scope, IncidentPerson.user_id)
        ),
        EvidenceKind.INCIDENT_WITHDRAWALS: select(IncidentWithdrawal.id).where(
            IncidentWithdrawal.incident_id.in_(happened)
        ),
        EvidenceKind.STEPS: steps,
        EvidenceKind.STEPS_DONE: select(CorrectiveStepCompletion.id).where(
            CorrectiveStepCompletion.step_id.in_(steps)
        ),
    }


_Evidence = tuple[str, uuid.UUID, str | None, int | None, int | None, str | None]


def _evidence(kind: EvidenceKind, ids: Select[uuid.UUID]) -> Select[*_Evidence]:
    found = func.evidence().table_valued(
        column("kind", String), column("id", Uuid), column("content", Text), name="e"
    )
    return (
        select(
            found.c.kind,
            found.c.id,
            found.c.content,
            RecordSeal.number,
            SealedRecord.position,
            SealedRecord.record_hash,
        )
        .outerjoin(
            SealedRecord,
            and_(SealedRecord.record_id == found.c.id, SealedRecord.kind == found.c.kind),
        )
        .outerjoin(RecordSeal, RecordSeal.id == SealedRecord.seal_id)
        .where(found.c.kind == kind, found.c.id.in_(ids))
        .order_by(found.c.id)
    )


def _gone() -> Select[*_Evidence]:
    """Select sealed evidence that was deleted completely when a person was erased."""
    return (
        select(
            SealedRecord.kind,
            SealedRecord.record_id,
            null(),
            RecordSeal.number,
            SealedRecord.position,
            SealedRecord.record_hash,
        )
        .join(RecordSeal, RecordSeal.id == SealedRecord.seal_id)
        .join(
            ErasedEvidence,
            and_(
                ErasedEvidence.record_id == SealedRecord.record_id,
                ErasedEvidence.kind == SealedRecord.kind,
            ),
        )
        .where(ErasedEvidence.hash.is_(None), SealedRecord.kind.in_(list(EvidenceKind)))
        .order_by(RecordSeal.number, SealedRecord.position)
    )
