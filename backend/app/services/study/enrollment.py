"""Enrolling, studying and completing. The canonical service: see docs/add-a-feature.md."""

import uuid
from typing import Any

import orjson
from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import (
    NotFoundError,
)
from app.core.ids import new_id
from app.core.pagination import Page, PageRequest
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.content.section_kind import CompletedBy
from app.models import Enrollment, VersionSection
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.study.attempt import QuizStanding
from app.repositories.study.enrollment import EnrollmentFilter, EnrollmentRow, SectionRow
from app.repositories.study.enrollment_item import EnrollmentItem, enrollment_etag
from app.repositories.study.study import Admission, Report
from app.schemas.base import ListOf
from app.schemas.study.enrollment import (
    Acknowledge,
    Acknowledged,
    EnrollmentCreate,
    EnrollmentDetail,
    EnrollmentRead,
    EnrollmentUpdate,
    ProgressRead,
    ProgressReport,
    SectionDetail,
)
from app.schemas.study.signature import SignatureRead
from app.services.answer import Answer, Rendered
from app.services.base import Service, found
from app.services.compliance.reconciliation import reconcile_completions, reconcile_module
from app.services.context import RequestContext
from app.services.study.enrollment_errors import (
    AssignedError,
    EnrollmentClosedError,
    NoNewerVersionError,
    NotAnAcknowledgementError,
    OwnEnrollmentError,
    PrerequisiteMissingError,
    RuleDecidesError,
    report_error,
)
from app.services.study.learner_content import LearnerContent, LearnerContents
from app.services.study.signature import require_own_name, signature_read
from app.services.unit_of_work import UnitOfWork

EMPTY_PAGE: Rendered[ListOf[EnrollmentRead]] = Rendered(
    orjson.dumps({"items": [], "next_cursor": None})
)


class EnrollmentService(Service):
    """The most frequent operations take a caller who is known only by the claims of a token.

    They raise NotFoundError where the claims match no row, or one that has to be updated first.
    """

    def __init__(
        self, database: Database, context: RequestContext, contents: LearnerContents
    ) -> None:
        super().__init__(database, context)
        self._contents = contents

    async def enroll(self, payload: EnrollmentCreate) -> Answer[EnrollmentRead]:
        """Enroll the caller; answer with the open enrollment when there is one already."""
        # Requests that come with claims have no Idempotency-Key, so no answer has to be kept and
        # the one statement needs no transaction around it.
        async with self.autocommit() if self._context.claims else self.work() as uow:
            admission = found(
                await uow.study.enroll(self.caller, payload.module_id, uow.request_id), "user"
            )
            item = admission.created or await self._already(uow, admission, payload.module_id)
            created = admission.created is not None
            return await uow.answer(Answer(EnrollmentRead.model_validate(item), created))

    async def list(
        self, filters: EnrollmentFilter, request: PageRequest
    ) -> Rendered[ListOf[EnrollmentRead]]:
        """List enrollments: the caller's own, unless the filter says whose."""
        async with self.reading() as uow:
            # The first page of one's own list is read most often, so it has a faster statement of
            # its own.
            if filters == EnrollmentFilter() and request == PageRequest(request.limit):
                return _rendered(await uow.study.first_page(self.caller, request.limit))
            await self.see_all(uow, filters.whose.user_ids)
            return _rendered(await uow.enrollments.list_visible(self.actor, filters, request))

    async def get(self, enrollment_id: uuid.UUID) -> Answer[EnrollmentDetail]:
        async with self.reading() as uow:
            return await self._detail(uow, enrollment_id)

    async def content(
        self, enrollment_id: uuid.UUID, known_etags: frozenset[str]
    ) -> LearnerContent:
        """Return the pinned version's content; access is checked before any cached answer."""
        content = await self._contents.read(self.caller, enrollment_id, known_etags)
        return found(content, "enrollment")

    async def report_progress(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, payload: ProgressReport
    ) -> Rendered[ProgressRead]:
        """Take a progress report; it may come late, twice or out of order."""
        report = Report(payload.seconds_spent, payload.position, payload.completed)
        async with self.autocommit() as uow:
            reported = found(
                await uow.study.report_progress(
                    self.caller, enrollment_id, section_id, report, uow.request_id
                ),
                "user",
            )
            state = orjson.loads(reported.state)
            if "error" in state:
                raise report_error(state["error"])
            if state["enrollment"]["status"] == EnrollmentStatus.COMPLETED:
                uow.known_as(reported.actor)
                uow.after_commit(lambda later: reconcile_completions(later, [reported.actor.id]))
            return Rendered(reported.state.encode())

    async def acknowledge(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, payload: Acknowledge
    ) -> Answer[Acknowledged]:
        """Sign a section's document, once; signing again answers with the first signature."""
        async with self.work() as uow:
            enrollment = await lock_own(uow, enrollment_id, self.actor)
            section = await _acknowledgement(uow, enrollment, section_id)
            signature = await uow.enrollments.signature(enrollment.id, section.section_id)
            if signature is None:
                if enrollment.status is not EnrollmentStatus.ACTIVE:
                    raise EnrollmentClosedError
                signer = found(await uow.users.by_id(self.actor.id), "user")
                require_own_name(payload.printed_name, signer)
                signature = await uow.enrollments.sign(
                    enrollment.id,
                    section.section_id,
                    printed_name=payload.printed_name,
                    meaning=payload.meaning,
                    request_id=uow.request_id,
                )
                await reconcile_completions(uow, [self.actor.id])
            state = await uow.enrollments.section_state(enrollment.id, section.section_id)
            return await uow.answer(
                Answer(Acknowledged(signature=signature_read(signature), **state))
            )

    async def signatures(self, enrollment_id: uuid.UUID) -> ListOf[SignatureRead]:
        """Return what was signed in an enrollment, the oldest first."""
        async with self.reading() as uow:
            await self._visible(uow, enrollment_id)
            signed = await uow.enrollments.signatures(enrollment_id)
            return ListOf(items=[signature_read(each) for each in signed])

    async def update(
        self, enrollment_id: uuid.UUID, payload: EnrollmentUpdate, precondition: Precondition
    ) -> Answer[EnrollmentDetail]:
        """Set another due date, which makes an enrollment an assigned one.

        A requirement that asks for the same module sooner keeps its own date.
        """
        async with self.work() as uow:
            enrollment = found(
                await uow.enrollments.lock_visible(enrollment_id, self.actor), "enrollment"
            )
            precondition.require(
                enrollment_etag(enrollment.status, enrollment.source, enrollment.due_on)
            )
            self._check_redating(enrollment)
            if payload.due_on is not MISSING and payload.due_on != enrollment.due_on:
                before = {"source": enrollment.source, "due_on": enrollment.due_on}
                await uow.enrollments.assign_for(enrollment, payload.due_on)
                after = {"source": enrollment.source, "due_on": enrollment.due_on}
                await uow.audit(
                    AuditAction.ENROLLMENT_ASSIGNED, enrollment, before=before, after=after
                )
                await reconcile_module(uow, [enrollment.user_id], enrollment.module_id)
            return await self._detail(uow, enrollment.id)

    def _check_redating(self, enrollment: Enrollment) -> None:
        if enrollment.user_id == self.actor.id and not self.actor.is_admin:
            raise OwnEnrollmentError
        if enrollment.status is not EnrollmentStatus.ACTIVE:
            raise EnrollmentClosedError
        if enrollment.source.follows_rules:
            raise RuleDecidesError

    async def withdraw(self, enrollment_id: uuid.UUID) -> Answer[EnrollmentRead]:
        """Close an enrollment: one's own if one chose it, or as a manager of the person."""
        async with self.work() as uow:
            enrollment = found(
                await uow.enrollments.lock_visible(enrollment_id, self.actor), "enrollment"
            )
            self.act_for(enrollment.user_id)
            if enrollment.status is not EnrollmentStatus.WITHDRAWN:
                self._check_withdrawal(enrollment)
                await uow.enrollments.withdraw(enrollment)
                await uow.audit(AuditAction.ENROLLMENT_WITHDRAWN, enrollment)
            row = await self._visible(uow, enrollment.id)
            return await uow.answer(Answer(EnrollmentRead.model_validate(row.item)))

    async def move(self, enrollment_id: uuid.UUID) -> Answer[EnrollmentDetail]:
        """Let the caller go on in the module's current version, with what is unchanged in it."""
        async with self.work() as uow:
            enrollment = await lock_own(uow, enrollment_id, self.actor)
            moved_id = new_id()
            refusal = await uow.enrollments.move(enrollment, moved_id, uow.request_id)
            if refusal == NoNewerVersionError.code:
                raise NoNewerVersionError
            if refusal is not None:
                raise EnrollmentClosedError
            await reconcile_completions(uow, [self.actor.id])
            moved = await self._detail(uow, moved_id)
            return await uow.answer(Answer(moved.value, created=True))

    def _check_withdrawal(self, enrollment: Enrollment) -> None:
        if enrollment.status is not EnrollmentStatus.ACTIVE:
            raise EnrollmentClosedError
        own = enrollment.user_id == self.actor.id
        # The person may have chosen the module before a rule asked for it and set its due date.
        chosen = enrollment.source.may_leave and enrollment.due_on is None
        if own and not chosen and not self.actor.is_admin:
            raise AssignedError

    async def _already(
        self, uow: UnitOfWork, admission: Admission, module_id: uuid.UUID
    ) -> EnrollmentItem:
        """Return the open enrollment that the insert met, perhaps one made a moment ago."""
        if not admission.module_exists:
            raise NotFoundError("module")
        item = await uow.study.open_enrollment(self.caller, module_id)
        if item is None:
            raise PrerequisiteMissingError(admission.prerequisites_missing)
        return item

    async def _detail(self, uow: UnitOfWork, enrollment_id: uuid.UUID) -> Answer[EnrollmentDetail]:
        row = await self._visible(uow, enrollment_id)
        sections = await uow.enrollments.sections(enrollment_id, row.version_id)
        standings = await uow.attempts.standings([enrollment_id])
        quizzes = {each.section_id: each for each in standings}
        states = [_section(each, quizzes.get(each.rule.section_id)) for each in sections]
        now = next((each.now for each in standings), None)
        detail = {**row.item, "sections": states, "server_time": now}
        return Answer(EnrollmentDetail.model_validate(detail))

    async def _visible(self, uow: UnitOfWork, enrollment_id: uuid.UUID) -> EnrollmentRow:
        return found(await uow.enrollments.get_visible(enrollment_id, self.actor), "enrollment")


async def lock_own(uow: UnitOfWork, enrollment_id: uuid.UUID, actor: Actor) -> Enrollment:
    enrollment = await uow.enrollments.lock_visible(enrollment_id, actor)
    if enrollment is None or enrollment.user_id != actor.id:
        raise NotFoundError("enrollment")
    return enrollment


async def _acknowledgement(
    uow: UnitOfWork, enrollment: Enrollment, section_id: uuid.UUID
) -> VersionSection:
    section = await uow.versions.section(enrollment.version_id, section_id)
    if section is None or not section.concerns(enrollment.states):
        raise NotFoundError("section")
    if section.completed_by is not CompletedBy.SIGNATURE:
        raise NotAnAcknowledgementError
    return section


def _rendered(page: Page[EnrollmentItem]) -> Rendered[ListOf[EnrollmentRead]]:
    body: dict[str, Any] = {"items": page.items, "next_cursor": page.next_cursor}
    if page.total is not None:
        body["total"] = page.total
    # The driver returns UUIDs as a subclass of its own, which orjson cannot serialise without
    # `default`.
    return Rendered(orjson.dumps(body, default=str, option=orjson.OPT_UTC_Z))


def _section(row: SectionRow, quiz: QuizStanding | None) -> SectionDetail:
    rule, progress = row.rule, row.progress
    return SectionDetail(
        section_id=rule.section_id,
        title=rule.title,
        kind=rule.kind,
        required=rule.required,
        state=progress.state if progress else "not_started",
        seconds_spent=progress.seconds_spent if progress else 0,
        position=progress.position if progress else 0,
        completed_at=progress.completed_at if progress else None,
        attempts_left=quiz.attempts_left if quiz else None,
        available_at=quiz.available_at if quiz else None,
    )
