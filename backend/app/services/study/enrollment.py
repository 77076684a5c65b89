"""Enrolling, studying and completing. The canonical service: see docs/add-a-feature.md."""

import uuid

import orjson

from app.core.database import Database
from app.core.errors import (
    AppError,
    ConflictError,
    ForbiddenError,
    InvalidPayloadError,
    NotFoundError,
)
from app.core.pagination import PageRequest
from app.domain.actor import Actor
from app.domain.audit import AuditAction
from app.domain.content.section_settings import SectionKind
from app.models import Enrollment, Signature, VersionSection
from app.models.study.enrollment import EnrollmentSource, EnrollmentStatus
from app.repositories.study.assignment import Assignment, PeopleFilter
from app.repositories.study.enrollment import (
    EnrollmentFilter,
    EnrollmentRow,
    SectionRow,
)
from app.repositories.study.study import Admission
from app.schemas.base import ListOf
from app.schemas.study.enrollment import (
    Acknowledge,
    Acknowledged,
    BulkEnroll,
    BulkResult,
    EnrollmentCreate,
    EnrollmentDetail,
    EnrollmentRead,
    ModuleReference,
    ProgressReport,
    SectionState,
    SignatureRead,
)
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile_completions
from app.services.context import RequestContext
from app.services.outcome import Outcome
from app.services.study import study
from app.services.study.content_cache import ContentCache
from app.services.study.study import LearnerContent
from app.services.unit_of_work import UnitOfWork


class PrerequisiteMissingError(ConflictError):
    def __init__(self, missing: list[uuid.UUID]) -> None:
        super().__init__(
            "prerequisite_missing",
            "Other modules come first",
            module_ids=[str(module_id) for module_id in missing],
        )


class EnrollmentClosedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("enrollment_closed", "This enrollment is no longer open")


class NotAnAcknowledgementError(ConflictError):
    def __init__(self) -> None:
        super().__init__("not_an_acknowledgement", "This section has nothing to sign")


def report_error(code: str) -> AppError:
    """Return the error that the database's progress function names."""
    match code:
        case "enrollment_not_found":
            return NotFoundError("enrollment")
        case "section_not_found":
            return NotFoundError("section")
        case "quiz_decides":
            return ConflictError(code, "A quiz is completed by passing it")
        case "signature_required":
            return ConflictError(code, "This section is completed by signing it")
        case "attendance_required":
            return ConflictError(code, "This section is completed by attending the session")
        case _:
            return EnrollmentClosedError()


class EnrollmentService(Service):
    def __init__(
        self, database: Database, context: RequestContext, cache: ContentCache | None = None
    ) -> None:
        super().__init__(database, context)
        self._cache = cache or ContentCache(0)

    async def enroll(self, payload: EnrollmentCreate) -> Outcome:
        """Enroll the actor; answer with the open enrollment when there is one already."""
        async with self.work() as uow:
            admission = await uow.study.enroll(self.actor.id, payload.module_id, uow.request_id)
            if admission.created is not None:
                return await uow.answer(study.enrolled(admission.created))
            row = await self._already(uow, admission, payload.module_id)
            return await uow.answer(_answer(_read(row)))

    async def enroll_many(self, payload: BulkEnroll) -> Outcome:
        """Assign a module to people of the actor's; count those who may not be or already are."""
        assignment = Assignment(payload.module_id, _people(payload), payload.due_on)
        async with self.work() as uow:
            count = await uow.enrollments.assign(assignment, self.actor, uow.request_id)
            if not count.module_exists:
                raise NotFoundError("module")
            asked = count.allowed if payload.user_ids is None else len(set(payload.user_ids))
            result = BulkResult(
                created=count.created,
                already_enrolled=count.allowed - count.created,
                not_allowed=asked - count.allowed,
            )
            return await uow.answer(Outcome.of(result))

    async def list(
        self, filters: EnrollmentFilter, request: PageRequest
    ) -> ListOf[EnrollmentRead] | bytes:
        """List one person's enrollments; the page that everybody opens first comes as JSON."""
        if filters == EnrollmentFilter() and request == PageRequest(request.limit):
            async with self.reading() as uow:
                return await study.first_page(uow.study, self.actor.id, request.limit)
        async with self.reading() as uow:
            if filters.user_id is not None:
                await self.visible_user(uow, filters.user_id)
            page = await uow.enrollments.list_visible(self.actor, filters, request)
            return listed(page, _read)

    async def get(self, enrollment_id: uuid.UUID) -> Outcome:
        async with self.reading() as uow:
            row = await self._visible(uow, enrollment_id)
            return _answer(await _detail(uow, row))

    async def content(
        self, enrollment_id: uuid.UUID, known_etags: frozenset[str]
    ) -> LearnerContent:
        """Return the pinned version's content; access is checked before any cached answer."""
        async with self.reading() as uow:
            found = await study.content(
                uow.study.content, self._cache, self.actor.id, enrollment_id, known_etags
            )
        if found is None:
            raise NotFoundError("enrollment")
        return found

    async def report_progress(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, payload: ProgressReport
    ) -> str:
        """Take a progress report; it may come late, twice or out of order. Returns JSON."""
        async with self.autocommit() as uow:
            text = await uow.study.report_progress(
                self.actor.id, enrollment_id, section_id, study.report_of(payload), uow.request_id
            )
            if text is None:
                raise NotFoundError("enrollment")
            state = orjson.loads(text)
            if "error" in state:
                raise report_error(state["error"])
            if state["enrollment"]["status"] == EnrollmentStatus.COMPLETED:
                uow.after_commit(lambda later: reconcile_completions(later, [self.actor.id]))
        return text

    async def acknowledge(
        self, enrollment_id: uuid.UUID, section_id: uuid.UUID, payload: Acknowledge
    ) -> Outcome:
        """Sign a section's document, once; signing again answers with the first signature."""
        async with self.work() as uow:
            enrollment = await lock_own(uow, enrollment_id, self.actor)
            section = await _acknowledgement(uow, enrollment, section_id)
            signature = await uow.enrollments.signature(enrollment.id, section.section_id)
            if signature is None:
                if enrollment.status is not EnrollmentStatus.ACTIVE:
                    raise EnrollmentClosedError
                signature = await self._sign(uow, enrollment, section, payload)
                await reconcile_completions(uow, [self.actor.id])
            state = await uow.enrollments.section_state(enrollment.id, section.section_id)
            return await uow.answer(
                Outcome.of(Acknowledged(signature=_signature(signature), **state))
            )

    async def withdraw(self, enrollment_id: uuid.UUID) -> Outcome:
        """Close an enrollment: one's own if one chose it, or as a manager of the person."""
        async with self.work() as uow:
            enrollment = found(
                await uow.enrollments.lock_visible(enrollment_id, self.actor), "enrollment"
            )
            if enrollment.status is not EnrollmentStatus.WITHDRAWN:
                self._check_withdrawal(enrollment)
                enrollment.status = EnrollmentStatus.WITHDRAWN
                enrollment.withdrawn_at = await uow.now()
                await uow.enrollments.save(enrollment)
                await uow.audit(AuditAction.ENROLLMENT_WITHDRAWN, enrollment)
            row = await self._visible(uow, enrollment.id)
            return await uow.answer(_answer(_read(row)))

    def _check_withdrawal(self, enrollment: Enrollment) -> None:
        if enrollment.status is not EnrollmentStatus.ACTIVE:
            raise EnrollmentClosedError
        own = enrollment.user_id == self.actor.id
        # A rule dates what somebody had chosen before it asked for the same.
        chosen = enrollment.source is EnrollmentSource.SELF and enrollment.due_on is None
        if own and not chosen and not self.actor.is_admin:
            raise ForbiddenError("assigned", "Only a manager can withdraw an assigned training.")

    async def _sign(
        self,
        uow: UnitOfWork,
        enrollment: Enrollment,
        section: VersionSection,
        payload: Acknowledge,
    ) -> Signature:
        signature = await uow.enrollments.sign(
            Signature(
                enrollment_id=enrollment.id,
                section_id=section.section_id,
                user_id=self.actor.id,
                printed_name=payload.printed_name,
                meaning=payload.meaning,
                document_sha256=section.document_sha256,
            )
        )
        after = {"section_id": section.section_id, "document_sha256": section.document_sha256}
        await uow.audit(AuditAction.SECTION_ACKNOWLEDGED, signature, after=after)
        await uow.enrollments.complete_section(
            enrollment.id,
            section.section_id,
            actor_id=uow.actor_id,
            request_id=uow.request_id,
        )
        return signature

    async def _already(
        self, uow: UnitOfWork, admission: Admission, module_id: uuid.UUID
    ) -> EnrollmentRow:
        """Return the open enrollment that the insert met, perhaps one made a moment ago."""
        if not admission.module_exists:
            raise NotFoundError("module")
        enrollment_id = await uow.enrollments.open_id(self.actor.id, module_id)
        if enrollment_id is None:
            raise PrerequisiteMissingError(admission.prerequisites_missing)
        return await self._visible(uow, enrollment_id)

    async def _visible(self, uow: UnitOfWork, enrollment_id: uuid.UUID) -> EnrollmentRow:
        return found(await uow.enrollments.get_visible(enrollment_id, self.actor), "enrollment")


async def lock_own(uow: UnitOfWork, enrollment_id: uuid.UUID, actor: Actor) -> Enrollment:
    enrollment = await uow.enrollments.lock_visible(enrollment_id, actor)
    if enrollment is None or enrollment.user_id != actor.id:
        raise NotFoundError("enrollment")
    return enrollment


def _people(payload: BulkEnroll) -> PeopleFilter:
    if (payload.user_ids is None) == (payload.filter is None):
        raise InvalidPayloadError.at("/user_ids", "one_of", "Send either user_ids or filter")
    if payload.filter is None:
        return PeopleFilter(user_ids=payload.user_ids)
    return PeopleFilter(**payload.filter.model_dump())


async def _acknowledgement(
    uow: UnitOfWork, enrollment: Enrollment, section_id: uuid.UUID
) -> VersionSection:
    section = found(await uow.versions.section(enrollment.version_id, section_id), "section")
    if section.kind is not SectionKind.ACKNOWLEDGEMENT:
        raise NotAnAcknowledgementError
    return section


def _read(row: EnrollmentRow) -> EnrollmentRead:
    enrollment = row.enrollment
    return EnrollmentRead(
        id=enrollment.id,
        user_id=enrollment.user_id,
        module=ModuleReference(
            id=enrollment.module_id, title=row.module_title, category=row.module_category
        ),
        version=row.version,
        status=enrollment.status,
        source=enrollment.source,
        progress_percent=enrollment.progress_percent,
        due_on=enrollment.due_on,
        enrolled_at=enrollment.enrolled_at,
        completed_at=enrollment.completed_at,
    )


async def _detail(uow: UnitOfWork, row: EnrollmentRow) -> EnrollmentDetail:
    sections = await uow.enrollments.sections(row.enrollment)
    return EnrollmentDetail(
        **_read(row).model_dump(), sections=[_section(section) for section in sections]
    )


def _section(row: SectionRow) -> SectionState:
    rule, progress = row.rule, row.progress
    return SectionState(
        section_id=rule.section_id,
        title=rule.title,
        kind=rule.kind,
        required=rule.required,
        state=progress.state if progress else "not_started",
        seconds_spent=progress.seconds_spent if progress else 0,
        position=progress.position if progress else 0,
        completed_at=progress.completed_at if progress else None,
    )


def _signature(signature: Signature) -> SignatureRead:
    return SignatureRead(
        id=signature.id,
        printed_name=signature.printed_name,
        meaning=signature.meaning,
        document_sha256=signature.document_sha256,
        signed_at=signature.created_at,
    )


def _answer(body: EnrollmentRead) -> Outcome:
    return Outcome.of(body, location=f"/enrollments/{body.id}")
