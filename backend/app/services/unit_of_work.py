"""The unit of work: one `async with` is one transaction, and nobody else commits."""

import uuid
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, NoReturn, Self, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database, UUIDModel, fetch_within
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.models import IdempotencyKey
from app.repositories.compliance.certification_period import CertificationPeriodRepository
from app.repositories.compliance.compliance_segment import ComplianceSegmentRepository
from app.repositories.compliance.exemption import ExemptionRepository
from app.repositories.compliance.incident import IncidentRepository
from app.repositories.compliance.outdated import OutdatedRepository
from app.repositories.compliance.report import ReportRepository
from app.repositories.compliance.requirement import RequirementRepository
from app.repositories.compliance.rule_enrollment import RuleEnrollmentRepository
from app.repositories.compliance.training import TrainingRepository
from app.repositories.content.media import MediaRepository
from app.repositories.content.module import ModuleRepository
from app.repositories.content.module_teaching import ModuleTeachingRepository
from app.repositories.content.question import QuestionRepository
from app.repositories.content.site_fact import SiteFactRepository
from app.repositories.content.version import VersionRepository
from app.repositories.evidence.audit_event import AuditEventRepository, Change
from app.repositories.evidence.audit_pack import AuditPackRepository
from app.repositories.evidence.external_evidence import ExternalEvidenceRepository
from app.repositories.evidence.legal_hold import LegalHoldRepository
from app.repositories.evidence.live_session import LiveSessionRepository
from app.repositories.evidence.retention import RetentionRepository
from app.repositories.evidence.seal import SealRepository
from app.repositories.evidence.source_check import SourceCheckRepository
from app.repositories.evidence.training_record import TrainingRecordRepository
from app.repositories.evidence.verified_evidence import VerifiedEvidenceRepository
from app.repositories.idempotency_key import IdempotencyKeyRepository
from app.repositories.outreach.job import JobQueue, JobRepository
from app.repositories.outreach.schedule import ScheduleRepository
from app.repositories.people.account_note import AccountMoveRepository, AccountRemovalRepository
from app.repositories.people.account_sync import AccountSyncRepository
from app.repositories.people.department import DepartmentRepository
from app.repositories.people.employment import EmploymentRepository
from app.repositories.people.invitation import InvitationRepository
from app.repositories.people.job_title import JobTitleRepository
from app.repositories.people.location import LocationRepository
from app.repositories.people.manager_change import ManagerChangeRepository
from app.repositories.people.merge import MergeRepository
from app.repositories.people.position import PositionRepository
from app.repositories.people.user import UserRepository
from app.repositories.server import ServerRepository
from app.repositories.study.assignment_report import AssignmentReportRepository
from app.repositories.study.attempt import AttemptRepository
from app.repositories.study.attempt_grant import AttemptGrantRepository
from app.repositories.study.correction import CorrectionRepository
from app.repositories.study.enrollment import EnrollmentRepository
from app.repositories.study.question_analysis import QuestionAnalysisRepository
from app.repositories.study.realtime import RealtimeRepository
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


def _repository(kind: Callable[[AsyncSession], R]) -> "cached_property[R]":
    """Make a repository at its first use, in the session of the unit of work."""

    def make(uow: "UnitOfWork") -> R:
        return kind(uow._session())  # noqa: SLF001  # repositories are a part of it

    return cached_property(make)


class UnitOfWork:
    """A transaction and the repositories within it. A clean exit commits, an exception rolls back.

    With an idempotency key in the context, entering it raises ReplayedAnswer when the request was
    answered before; `answer` keeps what this one answers. A transaction claims the key first and
    waits for a concurrent holder. With `autocommit` it does not wait, so it is only for requests
    that may run twice and give the same answer.
    """

    account_moves = _repository(AccountMoveRepository)
    account_removals = _repository(AccountRemovalRepository)
    account_sync = _repository(AccountSyncRepository)
    assignment_reports = _repository(AssignmentReportRepository)
    attempt_grants = _repository(AttemptGrantRepository)
    attempts = _repository(AttemptRepository)
    audit_events = _repository(AuditEventRepository)
    audit_packs = _repository(AuditPackRepository)
    certification_periods = _repository(CertificationPeriodRepository)
    compliance_segments = _repository(ComplianceSegmentRepository)
    corrections = _repository(CorrectionRepository)
    departments = _repository(DepartmentRepository)
    employment = _repository(EmploymentRepository)
    enrollments = _repository(EnrollmentRepository)
    verified_evidence = _repository(VerifiedEvidenceRepository)
    exemptions = _repository(ExemptionRepository)
    external_evidence = _repository(ExternalEvidenceRepository)
    idempotency_keys = _repository(IdempotencyKeyRepository)
    incidents = _repository(IncidentRepository)
    invitations = _repository(InvitationRepository)
    jobs = _repository(JobRepository)
    job_titles = _repository(JobTitleRepository)
    legal_holds = _repository(LegalHoldRepository)
    live_sessions = _repository(LiveSessionRepository)
    locations = _repository(LocationRepository)
    manager_changes = _repository(ManagerChangeRepository)
    media = _repository(MediaRepository)
    merges = _repository(MergeRepository)
    module_teachings = _repository(ModuleTeachingRepository)
    modules = _repository(ModuleRepository)
    outdated = _repository(OutdatedRepository)
    positions = _repository(PositionRepository)
    question_analysis = _repository(QuestionAnalysisRepository)
    questions = _repository(QuestionRepository)
    realtime = _repository(RealtimeRepository)
    reports = _repository(ReportRepository)
    requirements = _repository(RequirementRepository)
    retention = _repository(RetentionRepository)
    rule_enrollments = _repository(RuleEnrollmentRepository)
    server = _repository(ServerRepository)
    schedules = _repository(ScheduleRepository)
    seals = _repository(SealRepository)
    site_facts = _repository(SiteFactRepository)
    source_checks = _repository(SourceCheckRepository)
    training_records = _repository(TrainingRecordRepository)
    users = _repository(UserRepository)
    versions = _repository(VersionRepository)

    def __init__(
        self,
        database: Database,
        context: RequestContext,
        *,
        reads: bool = False,
        autocommit: bool = False,
        isolation: IsolationLevel | None = None,
    ) -> None:
        self._database = database
        self._context = context
        self._reads = reads
        self._autocommit = reads or autocommit
        self._isolation = isolation
        self._opened: AsyncSession | None = None
        self._afterwards: list[Callable[[UnitOfWork], Awaitable[object]]] = []
        self._open = False
        self._spent = False
        self._discarded = False

    async def __aenter__(self) -> Self:
        if self._spent:
            msg = "a unit of work is entered once"
            raise RuntimeError(msg)
        self._spent = self._open = True
        try:
            if self._isolation is not None:
                options = {"isolation_level": self._isolation}
                await self._session().connection(execution_options=options)
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
        kept = error is None and not self._discarded
        try:
            if kept and not self._reads and self._opened is not None:
                await self._opened.commit()
        finally:
            await self._close()
        if kept and self._afterwards:
            await self._go_on()

    async def _close(self) -> None:
        self._open = False
        session, self._opened = self._opened, None
        if session is not None:
            # Closing rolls back whatever was not committed.
            await session.close()

    async def _go_on(self) -> None:
        context = replace(self._context, idempotency=None)
        for step in self._afterwards:
            async with UnitOfWork(self._database, context) as uow:
                await step(uow)

    def known_as(self, actor: Actor) -> None:
        """Set the actor, once a statement has found the caller's row."""
        self._context = replace(self._context, actor=actor)

    def after_commit(self, step: Callable[["UnitOfWork"], Awaitable[object]]) -> None:
        """Run a step in a transaction of its own after this unit of work has committed.

        The caller must also store in the database that the step is to be done, so that a later run
        does it if the process crashes in between.
        """
        self._afterwards.append(step)

    def discard(self) -> None:
        """Roll this transaction back even if it succeeds, for dry runs."""
        self._discarded = True

    def _session(self) -> AsyncSession:
        if not self._open:
            msg = "this unit of work is not open"
            raise RuntimeError(msg)
        if self._opened is None:
            self._opened = self._open_session()
        return self._opened

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
        return await fetch_within(await self._session().connection(), statement, *arguments)

    async def answer(self, answer: AnswerT) -> AnswerT:
        """Keep the answer under the request's idempotency key, if it has one."""
        request, actor = self._context.idempotency, self._context.actor
        if request is not None and actor is not None and not self._reads:
            written = WrittenAnswer.of(answer)
            row = IdempotencyKey(
                user_id=actor.id,
                key=request.key,
                fingerprint=request.fingerprint,
                body=written.body,
                created=written.created,
                etag=written.etag,
            )
            await self.idempotency_keys.keep(row)
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
        """Add an audit event to this transaction; dates and ids become text."""
        target_id = target if isinstance(target, uuid.UUID) else target.id
        await self._record(action, [(target_id, before, after)], actor_id or self.actor_id)

    async def audit_many(self, action: AuditAction, changes: Iterable[Change]) -> None:
        """Add the same audit event for many targets, in one statement."""
        await self._record(action, [*changes], self.actor_id)

    async def _record(
        self, action: AuditAction, changes: Sequence[Change], actor_id: uuid.UUID | None
    ) -> None:
        await self.audit_events.record(
            action, changes, actor_id=actor_id, request_id=self.request_id
        )

    @property
    def actor_id(self) -> uuid.UUID | None:
        return self._context.actor.id if self._context.actor else None

    @property
    def request_id(self) -> str | None:
        return self._context.request_id

    async def now(self) -> datetime:
        """Return the database's clock: evidence is never stamped by this process."""
        return await self.server.now()

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
        if self._autocommit:
            await self.replay(self._context)
            return
        known = await self.idempotency_keys.claim(actor.id, request.key, request.fingerprint)
        if known is not None:
            _replay(known, request)

    @cached_property
    def queue(self) -> JobQueue:
        return JobQueue(self.fetch)

    @cached_property
    def study(self) -> StudyRepository:
        return StudyRepository(self.fetch)

    @cached_property
    def trainings(self) -> TrainingRepository:
        return TrainingRepository(self.fetch)


def _replay(known: IdempotencyKey, request: IdempotencyRequest) -> NoReturn:
    if known.fingerprint != request.fingerprint:
        raise IdempotencyKeyReusedError
    raise ReplayedAnswer(WrittenAnswer(known.body or b"", bool(known.created), known.etag))
