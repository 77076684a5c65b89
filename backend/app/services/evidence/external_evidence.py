"""External evidence: entered by one person, verified by another, immutable from then on."""

import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any

from app.core.concurrency import Precondition
from app.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
)
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.evidence.external_evidence import ExternalClaim, faults
from app.models import ExternalEvidence, User, VerifiedEvidence
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.evidence.external_evidence import ExternalEvidenceFilter, ExternalEvidenceRow
from app.schemas.base import ListOf
from app.schemas.evidence.external_evidence import (
    ExternalEvidenceCreate,
    ExternalEvidenceRead,
    ExternalEvidenceUpdate,
    Review,
)
from app.schemas.reference import UserReference
from app.services.answer import Answer
from app.services.base import Service, apply, found
from app.services.content.media_use import evidence_media_fault
from app.services.evidence.verified_evidence import (
    count_evidence,
    local_day,
    snapshot,
    withdraw_evidence,
)
from app.services.unit_of_work import UnitOfWork

FIELDS = (
    "provider",
    "title",
    "instructor_name",
    "instructor_qualification",
    "completed_on",
    "hours",
    "module_id",
    "credential_kind",
    "printed_expiry",
    "credential_number",
    "issuing_state",
    "evidence_reference",
    "notes",
    "provider_number",
    "ce_category",
    "ce_delivery",
)
UNAUDITED = frozenset({"notes", "evidence_reference"})
"""Free text about a person, left out of the audit trail: erasure removes it with the row."""


class AlreadyReviewedError(ConflictError):
    code = "already_reviewed"
    title = "This training was verified or rejected already"


class NotVerifiedError(ConflictError):
    code = "not_verified"
    title = "Only a verified training can be withdrawn"


class AlreadyWithdrawnError(ConflictError):
    code = "already_withdrawn"
    title = "This training was withdrawn already"


class SecondPersonError(ForbiddenError):
    code = "second_person_required"
    detail = "Neither the person trained nor whoever entered the training may review it."


class ExternalEvidenceService(Service):
    async def list(
        self, filters: ExternalEvidenceFilter, request: PageRequest
    ) -> ListOf[ExternalEvidenceRead]:
        async with self.reading() as uow:
            await self.see_all(uow, filters.whose.user_ids)
            page = await uow.external_evidence.list_visible(self.actor, filters, request)
            items = await _read(uow, page.items)
            return ListOf(items=items, next_cursor=page.next_cursor, total=page.total)

    async def get(self, evidence_id: uuid.UUID) -> Answer[ExternalEvidenceRead]:
        async with self.reading() as uow:
            return await self._answer(uow, evidence_id)

    async def enter(self, payload: ExternalEvidenceCreate) -> Answer[ExternalEvidenceRead]:
        async with self.work() as uow:
            user = await uow.users.get_visible(payload.user_id or self.actor.id, self.actor)
            if user is None:
                raise InvalidPayloadError.at(
                    "/user_id", "unknown_user", "No such person, or not yours"
                )
            self.act_for(user.id)
            fields = _fields(payload)
            evidence = ExternalEvidence(user_id=user.id, entered_by_id=self.actor.id, **fields)
            await _check(uow, evidence, await local_day(uow, user), names_evidence=True)
            await uow.external_evidence.add(evidence)
            after = _audited({"user_id": user.id, **fields})
            await uow.audit(AuditAction.EXTERNAL_TRAINING_ENTERED, evidence, after=after)
            return await uow.answer(await self._answer(uow, evidence.id, created=True))

    async def update(
        self,
        evidence_id: uuid.UUID,
        payload: ExternalEvidenceUpdate,
        precondition: Precondition,
    ) -> Answer[ExternalEvidenceRead]:
        """Edit what is not reviewed yet, as the person trained or as whoever entered it."""
        async with self.work() as uow:
            evidence = await self._locked(uow, evidence_id)
            if not self.actor.is_one_of({evidence.user_id, evidence.entered_by_id}):
                raise ForbiddenError
            self.act_for(evidence.user_id)
            precondition.require(evidence.etag)
            if evidence.status is not ExternalEvidenceStatus.PENDING:
                raise AlreadyReviewedError
            # A copy is checked before the row is changed. The database would refuse it too, but
            # without naming the field.
            draft = ExternalEvidence(user_id=evidence.user_id, **_fields(evidence))
            before, after = apply(draft, payload, FIELDS)
            if after:
                today = await local_day(uow, await _person(uow, evidence))
                named = "evidence_reference" in after
                await _check(uow, draft, today, names_evidence=named)
                apply(evidence, payload, FIELDS)
                await uow.external_evidence.save(evidence)
                await uow.audit(
                    AuditAction.EXTERNAL_TRAINING_UPDATED,
                    evidence,
                    before=_audited(before),
                    after=_audited(after),
                )
            return await self._answer(uow, evidence.id)

    async def verify(
        self, evidence_id: uuid.UUID, payload: Review, precondition: Precondition
    ) -> Answer[ExternalEvidenceRead]:
        """Let it count, from today where the person works. If-Match is optional here."""
        async with self.work() as uow:
            evidence = await self._reviewable(uow, evidence_id, precondition)
            user = await _person(uow, evidence)
            evidence.user_snapshot = snapshot(user)
            await self._settle(uow, evidence, ExternalEvidenceStatus.VERIFIED, payload.reason)
            await count_evidence(uow, _verified(evidence, await local_day(uow, user)))
            return await uow.answer(await self._answer(uow, evidence.id))

    async def reject(
        self, evidence_id: uuid.UUID, payload: Review, precondition: Precondition
    ) -> Answer[ExternalEvidenceRead]:
        async with self.work() as uow:
            evidence = await self._reviewable(uow, evidence_id, precondition)
            await self._settle(uow, evidence, ExternalEvidenceStatus.REJECTED, payload.reason)
            return await uow.answer(await self._answer(uow, evidence.id))

    async def withdraw(
        self, evidence_id: uuid.UUID, payload: Review
    ) -> Answer[ExternalEvidenceRead]:
        """Record that a verified training was found wrong; the training stays as it was."""
        async with self.work() as uow:
            evidence = await self._locked(uow, evidence_id)
            if self.actor.is_one_of([evidence.user_id]):
                raise SecondPersonError
            if evidence.status is not ExternalEvidenceStatus.VERIFIED:
                raise NotVerifiedError
            row = await uow.external_evidence.get_visible(evidence_id, self.actor)
            if row is not None and row.withdrawn_on is not None:
                raise AlreadyWithdrawnError
            day = await local_day(uow, await _person(uow, evidence))
            await withdraw_evidence(uow, evidence, payload.reason, day)
            after = {"user_id": evidence.user_id, "withdrawn_on": day}
            await uow.audit(AuditAction.EXTERNAL_TRAINING_WITHDRAWN, evidence, after=after)
            return await uow.answer(await self._answer(uow, evidence.id))

    async def _locked(self, uow: UnitOfWork, evidence_id: uuid.UUID) -> ExternalEvidence:
        return found(
            await uow.external_evidence.lock_visible(evidence_id, self.actor), "external_training"
        )

    async def _reviewable(
        self, uow: UnitOfWork, evidence_id: uuid.UUID, precondition: Precondition
    ) -> ExternalEvidence:
        evidence = await self._locked(uow, evidence_id)
        if self.actor.is_one_of({evidence.user_id, evidence.entered_by_id}):
            raise SecondPersonError
        precondition.check(evidence.etag)
        if evidence.status is not ExternalEvidenceStatus.PENDING:
            raise AlreadyReviewedError
        return evidence

    async def _settle(
        self,
        uow: UnitOfWork,
        evidence: ExternalEvidence,
        status: ExternalEvidenceStatus,
        reason: str,
    ) -> None:
        # Read the clock before changing the row. The query flushes pending changes, and the
        # database refuses the columns below unless all of them are set.
        now = await uow.now()
        evidence.status = status
        evidence.reviewed_by_id = self.actor.id
        evidence.reviewed_at = now
        evidence.review_reason = reason
        await uow.external_evidence.save(evidence)
        verified = status is ExternalEvidenceStatus.VERIFIED
        action = (
            AuditAction.EXTERNAL_TRAINING_VERIFIED
            if verified
            else AuditAction.EXTERNAL_TRAINING_REJECTED
        )
        await uow.audit(action, evidence, after={"user_id": evidence.user_id})

    async def _answer(
        self, uow: UnitOfWork, evidence_id: uuid.UUID, *, created: bool = False
    ) -> Answer[ExternalEvidenceRead]:
        row = found(
            await uow.external_evidence.get_visible(evidence_id, self.actor), "external_training"
        )
        [read] = await _read(uow, [row])
        return Answer(read, created)


def _fields(source: ExternalEvidence | ExternalEvidenceCreate) -> dict[str, Any]:
    return {name: getattr(source, name) for name in FIELDS}


async def _person(uow: UnitOfWork, evidence: ExternalEvidence) -> User:
    return found(await uow.users.by_id(evidence.user_id), "user")


async def _check(
    uow: UnitOfWork, evidence: ExternalEvidence, today: date, *, names_evidence: bool
) -> None:
    found_faults = list(faults(_claim(evidence), today))
    module_id = evidence.module_id
    if module_id is not None and await uow.modules.not_deleted(module_id) is None:
        found_faults.append(FieldError("/module_id", "unknown_module", "No such module"))
    if names_evidence:
        fault = await evidence_media_fault(uow, evidence.evidence_reference, evidence.user_id)
        found_faults += [fault] if fault else []
    if found_faults:
        raise InvalidPayloadError(found_faults)


def _claim(evidence: ExternalEvidence) -> ExternalClaim:
    return ExternalClaim(
        completed_on=evidence.completed_on,
        module_id=evidence.module_id,
        credential_kind=evidence.credential_kind,
        printed_expiry=evidence.printed_expiry,
        credential_number=evidence.credential_number,
        issuing_state=evidence.issuing_state,
        provider_number=evidence.provider_number,
        ce_category=evidence.ce_category,
        ce_delivery=evidence.ce_delivery,
    )


def _verified(evidence: ExternalEvidence, recorded_on: date) -> VerifiedEvidence:
    return VerifiedEvidence(
        id=evidence.id,
        user_id=evidence.user_id,
        day=evidence.completed_on,
        recorded_on=recorded_on,
        module_id=evidence.module_id,
        credential_kind=evidence.credential_kind,
        printed_expiry=evidence.printed_expiry,
    )


def _audited(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name not in UNAUDITED}


async def _read(uow: UnitOfWork, rows: Sequence[ExternalEvidenceRow]) -> list[ExternalEvidenceRead]:
    evidence = [row.evidence for row in rows]
    people = {each.user_id for each in evidence} | {each.entered_by_id for each in evidence}
    reviewers = {each.reviewed_by_id for each in evidence if each.reviewed_by_id}
    names = await uow.users.display_names(people | reviewers)
    titles = await uow.modules.references({each.module_id for each in evidence if each.module_id})

    def person(user_id: uuid.UUID | None) -> UserReference | None:
        return UserReference(id=user_id, display_name=names[user_id]) if user_id else None

    return [
        ExternalEvidenceRead.model_validate(
            vars(row.evidence)
            | {
                "etag": row.evidence.etag,
                "user": person(row.evidence.user_id),
                "entered_by": person(row.evidence.entered_by_id),
                "reviewed_by": person(row.evidence.reviewed_by_id),
                "module": titles.get(row.evidence.module_id) if row.evidence.module_id else None,
                "withdrawn_on": row.withdrawn_on,
                "withdrawal_reason": row.withdrawal_reason,
            }
        )
        for row in rows
    ]
