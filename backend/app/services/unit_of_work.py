"""One public service method = one `async with` = one transaction. Nobody else commits."""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar

import asyncpg
from sqlalchemy import DateTime, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, UUIDModel, fetch_within
from app.core.postgres.schema import READ_STATE, SchemaState
from app.domain.audit import AuditAction
from app.models import AuditEvent, IdempotencyKey
from app.repositories.compliance.certification_period import CertificationPeriodRepository
from app.repositories.compliance.compliance_segment import ComplianceSegmentRepository
from app.repositories.compliance.exemption import ExemptionRepository
from app.repositories.compliance.report import ReportRepository
from app.repositories.compliance.requirement import RequirementRepository
from app.repositories.compliance.rule_enrollment import RuleEnrollmentRepository
from app.repositories.content.media import MediaRepository
from app.repositories.content.module import ModuleRepository
from app.repositories.content.module_teaching import ModuleTeachingRepository
from app.repositories.content.question import QuestionRepository
from app.repositories.content.version import VersionRepository
from app.repositories.evidence.audit_event import AuditEventRepository
from app.repositories.evidence.audit_pack import AuditPackRepository
from app.repositories.evidence.evidence import EvidenceRepository
from app.repositories.evidence.external_training import ExternalTrainingRepository
from app.repositories.evidence.legal_hold import LegalHoldRepository
from app.repositories.evidence.live_session import LiveSessionRepository
from app.repositories.evidence.retention import RetentionRepository
from app.repositories.evidence.training_record import TrainingRecordRepository
from app.repositories.idempotency_key import IdempotencyKeyRepository
from app.repositories.people.account_sync import AccountSyncRepository
from app.repositories.people.department import DepartmentRepository
from app.repositories.people.employment import EmploymentRepository
from app.repositories.people.invitation import InvitationRepository
from app.repositories.people.location import LocationRepository
from app.repositories.people.user import UserRepository
from app.repositories.study.attempt import AttemptRepository
from app.repositories.study.correction import CorrectionRepository
from app.repositories.study.enrollment import EnrollmentRepository
from app.repositories.study.question_analysis import QuestionAnalysisRepository
from app.repositories.study.study import StudyRepository
from app.services.answer import (
    Answer,
    IdempotencyKeyReusedError,
    ReplayedAnswer,
    WrittenAnswer,
)
from app.services.context import IdempotencyRequest, RequestContext

R = TypeVar("R")
AnswerT = TypeVar("AnswerT", bound=Answer[Any])
IsolationLevel = Literal["REPEATABLE READ", "SERIALIZABLE"]
Change = tuple[uuid.UUID, dict[str, Any] | None, dict[str, Any] | None]
"""A target, and what it was and is."""


def _repository(kind: Callable[[AsyncSession], R]) -> "cached_property[R]":
    """Make a repository at its first use, in the session of the unit of work."""

    def make(uow: "UnitOfWork") -> R:
        return kind(uow.session)

    return cached_property(make)


class UnitOfWork:
    """A transaction and the repositories within it. A clean exit commits, an exception rolls back.

    With an idempotency key in the context, entering it claims the key, waits for a concurrent
    holder, and raises ReplayedAnswer when the request was answered before; `answer` keeps what
    this one answers.
    """

    account_sync = _repository(AccountSyncRepository)
    attempts = _repository(AttemptRepository)
    audit_events = _repository(AuditEventRepository)
    audit_packs = _repository(AuditPackRepository)
    certification_periods = _repository(CertificationPeriodRepository)
    compliance_segments = _repository(ComplianceSegmentRepository)
    corrections = _repository(CorrectionRepository)
    departments = _repository(DepartmentRepository)
    employment = _repository(EmploymentRepository)
    enrollments = _repository(EnrollmentRepository)
    evidence = _repository(EvidenceRepository)
    exemptions = _repository(ExemptionRepository)
    external_trainings = _repository(ExternalTrainingRepository)
    idempotency_keys = _repository(IdempotencyKeyRepository)
    invitations = _repository(InvitationRepository)
    legal_holds = _repository(LegalHoldRepository)
    live_sessions = _repository(LiveSessionRepository)
    locations = _repository(LocationRepository)
    media = _repository(MediaRepository)
    module_teachings = _repository(ModuleTeachingRepository)
    modules = _repository(ModuleRepository)
    question_analysis = _repository(QuestionAnalysisRepository)
    questions = _repository(QuestionRepository)
    reports = _repository(ReportRepository)
    requirements = _repository(RequirementRepository)
    retention = _repository(RetentionRepository)
    rule_enrollments = _repository(RuleEnrollmentRepository)
    training_records = _repository(TrainingRecordRepository)
    users = _repository(UserRepository)
    versions = _repository(VersionRepository)

    def __init__(
        self,
        database: Database,
        context: RequestContext,
        *,
        reads: bool = False,
        one_statement: bool = False,
        isolation: IsolationLevel | None = None,
    ) -> None:
        self._database = database
        self._context = context
        self._reads = reads
        # A key is claimed and answered by statements of its own: then it takes a transaction.
        self._autocommit = reads or (one_statement and context.idempotency is None)
        self._isolation = isolation
        self._session: AsyncSession | None = None
        self._open = False
        self._spent = False
        self._claimed = False

    async def __aenter__(self) -> Self:
        if self._spent:
            msg = "a unit of work is entered once"
            raise RuntimeError(msg)
        self._spent = self._open = True
        try:
            if self._isolation is not None:
                options = {"isolation_level": self._isolation}
                await self.session.connection(execution_options=options)
            await self._claim()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None and not self._reads and self._session is not None:
                await self._session.commit()
        finally:
            await self._close()

    async def _close(self) -> None:
        self._open = False
        session, self._session = self._session, None
        if session is not None:
            # Closing rolls back whatever was not committed.
            await session.close()

    @property
    def session(self) -> AsyncSession:
        if not self._open:
            msg = "this unit of work is not open"
            raise RuntimeError(msg)
        if self._session is None:
            self._session = self._open_session()
        return self._session

    def _open_session(self) -> AsyncSession:
        if self._reads:
            return self._database.reading()
        return self._database.autocommitting() if self._autocommit else self._database.writing()

    async def fetch(self, statement: str, *arguments: object) -> list[asyncpg.Record]:
        """Run a statement on the driver: alone, or within the transaction if this is one."""
        if self._reads:
            return await self._database.read(statement, *arguments)
        if self._autocommit:
            return await self._database.fetch(statement, *arguments)
        return await fetch_within(await self.session.connection(), statement, *arguments)

    async def answer(self, answer: AnswerT) -> AnswerT:
        """Keep the answer under the request's idempotency key, if it has one."""
        request, actor = self._context.idempotency, self._context.actor
        if not self._claimed or request is None or actor is None:
            return answer
        row = await self.session.get(IdempotencyKey, (actor.id, request.key))
        if row is not None:
            written = WrittenAnswer.of(answer)
            row.body, row.created, row.etag = written.body, written.created, written.etag
        return answer

    async def audit(
        self,
        action: AuditAction,
        target: UUIDModel | uuid.UUID,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        actor_id: uuid.UUID | None = None,
    ) -> None:
        """Write who did what, in the transaction of the deed; dates and ids become text."""
        target_id = target if isinstance(target, uuid.UUID) else target.id
        event = self._audit_event(action, (target_id, before, after))
        event.actor_id = actor_id or self.actor_id
        await self.audit_events.add(event)

    async def audit_many(self, action: AuditAction, changes: Iterable[Change]) -> None:
        """Write what was done to many targets alike, in a few statements."""
        await self.audit_events.add_many([self._audit_event(action, change) for change in changes])

    def _audit_event(self, action: AuditAction, change: Change) -> AuditEvent:
        target_id, before, after = change
        return AuditEvent(
            actor_id=self.actor_id,
            action=action,
            target_type=action.partition(":")[0],
            target_id=target_id,
            before=before,
            after=after,
            request_id=self._context.request_id,
        )

    @property
    def actor_id(self) -> uuid.UUID | None:
        return self._context.actor.id if self._context.actor else None

    @property
    def request_id(self) -> str | None:
        return self._context.request_id

    async def now(self) -> datetime:
        """Return the database's clock: evidence is never stamped by this process."""
        statement = select(func.clock_timestamp(type_=DateTime(timezone=True)))
        return (await self.session.execute(statement)).scalar_one()

    async def schema_state(self) -> SchemaState:
        return SchemaState(*(await self.session.execute(text(READ_STATE))).one())

    async def replay(self, context: RequestContext) -> None:
        """Raise what the request was answered before, without taking its key."""
        request, actor = context.idempotency, context.actor
        if request is None or actor is None:
            return
        known = await self.idempotency_keys.find(actor.id, request.key)
        if known is not None:
            _replay(known, request)

    async def _claim(self) -> None:
        request, actor = self._context.idempotency, self._context.actor
        if self._reads or request is None or actor is None:
            return
        known = await self.idempotency_keys.claim(actor.id, request.key, request.fingerprint)
        if known is not None:
            _replay(known, request)
        self._claimed = True

    @cached_property
    def study(self) -> StudyRepository:
        return StudyRepository(self.fetch)


def _replay(known: IdempotencyKey, request: IdempotencyRequest) -> NoReturn:
    if known.fingerprint != request.fingerprint:
        raise IdempotencyKeyReusedError
    raise ReplayedAnswer(WrittenAnswer(known.body or b"", bool(known.created), known.etag))
