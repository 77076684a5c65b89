"""Training done elsewhere: entered by one person, verified by another, immutable from then on."""

import uuid
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
from app.models import ExternalEvidence, ExternalTraining, User
from app.models.evidence.external_evidence import ExternalTrainingStatus
from app.repositories.evidence.external_evidence import ExternalTrainingFilter, ExternalTrainingRow
from app.schemas.base import ListOf
from app.schemas.evidence.external_evidence import (
    ExternalTrainingCreate,
    ExternalTrainingRead,
    ExternalTrainingUpdate,
    Review,
)
from app.services.answer import Answer
from app.services.base import Service, apply, found, listed
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
    "evidence_reference",
    "notes",
    "provider_number",
    "ce_category",
    "ce_delivery",
)
UNAUDITED = frozenset({"notes", "evidence_reference"})
"""Free text about a person: it stays in the row, where erasure reaches it."""


class AlreadyReviewedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("already_reviewed", "This training was verified or rejected already")


class NotVerifiedError(ConflictError):
    def __init__(self) -> None:
        super().__init__("not_verified", "Only a verified training can be withdrawn")


class AlreadyWithdrawnError(ConflictError):
    def __init__(self) -> None:
        super().__init__("already_withdrawn", "This training was withdrawn already")


class SecondPersonError(ForbiddenError):
    def __init__(self) -> None:
        super().__init__(
            "second_person_required",
            "Neither the person trained nor whoever entered the training may review it.",
        )


class ExternalTrainingService(Service):
    async def list(
        self, filters: ExternalTrainingFilter, request: PageRequest
    ) -> ListOf[ExternalTrainingRead]:
        async with self.reading() as uow:
            if filters.user_id is not None:
                await self.visible_user(uow, filters.user_id)
            page = await uow.external_trainings.list_visible(self.actor, filters, request)
            return listed(page, _read)

    async def get(self, training_id: uuid.UUID) -> Answer[ExternalTrainingRead]:
        async with self.reading() as uow:
            return await self._answer(uow, training_id)

    async def enter(self, payload: ExternalTrainingCreate) -> Answer[ExternalTrainingRead]:
        async with self.work() as uow:
            user = await uow.users.get_visible(payload.user_id or self.actor.id, self.actor)
            if user is None:
                raise InvalidPayloadError.at(
                    "/user_id", "unknown_user", "No such person, or not yours"
                )
            fields = _fields(payload)
            training = ExternalTraining(user_id=user.id, entered_by_id=self.actor.id, **fields)
            await _check(uow, training, await local_day(uow, user), names_evidence=True)
            await uow.external_trainings.add(training)
            after = _audited({"user_id": user.id, **fields})
            await uow.audit(AuditAction.EXTERNAL_TRAINING_ENTERED, training, after=after)
            return await uow.answer(await self._answer(uow, training.id, created=True))

    async def update(
        self,
        training_id: uuid.UUID,
        payload: ExternalTrainingUpdate,
        precondition: Precondition,
    ) -> Answer[ExternalTrainingRead]:
        """Edit what is not reviewed yet, as the person trained or as whoever entered it."""
        async with self.work() as uow:
            training = await self._locked(uow, training_id)
            if self.actor.id not in {training.user_id, training.entered_by_id}:
                raise ForbiddenError
            precondition.require(training.etag)
            if training.status is not ExternalTrainingStatus.PENDING:
                raise AlreadyReviewedError
            # Checked as a copy before it is written: the database says no without a pointer.
            draft = ExternalTraining(user_id=training.user_id, **_fields(training))
            before, after = apply(draft, payload, FIELDS)
            if after:
                today = await local_day(uow, await _person(uow, training))
                named = "evidence_reference" in after
                await _check(uow, draft, today, names_evidence=named)
                apply(training, payload, FIELDS)
                await uow.external_trainings.save(training)
                await uow.audit(
                    AuditAction.EXTERNAL_TRAINING_UPDATED,
                    training,
                    before=_audited(before),
                    after=_audited(after),
                )
            return await self._answer(uow, training.id)

    async def verify(
        self, training_id: uuid.UUID, payload: Review, precondition: Precondition
    ) -> Answer[ExternalTrainingRead]:
        """Let it count, from today where the person works. If-Match is optional here."""
        async with self.work() as uow:
            training = await self._reviewable(uow, training_id, precondition)
            user = await _person(uow, training)
            training.user_snapshot = snapshot(user)
            await self._settle(uow, training, ExternalTrainingStatus.VERIFIED, payload.reason)
            await count_evidence(uow, _evidence(training, await local_day(uow, user)))
            return await uow.answer(await self._answer(uow, training.id))

    async def reject(
        self, training_id: uuid.UUID, payload: Review, precondition: Precondition
    ) -> Answer[ExternalTrainingRead]:
        async with self.work() as uow:
            training = await self._reviewable(uow, training_id, precondition)
            await self._settle(uow, training, ExternalTrainingStatus.REJECTED, payload.reason)
            return await uow.answer(await self._answer(uow, training.id))

    async def withdraw(
        self, training_id: uuid.UUID, payload: Review
    ) -> Answer[ExternalTrainingRead]:
        """Record that a verified training was found wrong; the training stays as it was."""
        async with self.work() as uow:
            training = await self._locked(uow, training_id)
            if self.actor.id == training.user_id:
                raise SecondPersonError
            if training.status is not ExternalTrainingStatus.VERIFIED:
                raise NotVerifiedError
            row = await uow.external_trainings.get_visible(training_id, self.actor)
            if row is not None and row.withdrawn_on is not None:
                raise AlreadyWithdrawnError
            day = await local_day(uow, await _person(uow, training))
            await withdraw_evidence(uow, training, payload.reason, day)
            after = {"user_id": training.user_id, "withdrawn_on": day}
            await uow.audit(AuditAction.EXTERNAL_TRAINING_WITHDRAWN, training, after=after)
            return await uow.answer(await self._answer(uow, training.id))

    async def _locked(self, uow: UnitOfWork, training_id: uuid.UUID) -> ExternalTraining:
        return found(
            await uow.external_trainings.lock_visible(training_id, self.actor), "external_training"
        )

    async def _reviewable(
        self, uow: UnitOfWork, training_id: uuid.UUID, precondition: Precondition
    ) -> ExternalTraining:
        training = await self._locked(uow, training_id)
        if self.actor.id in {training.user_id, training.entered_by_id}:
            raise SecondPersonError
        if precondition.etags is not None:
            precondition.require(training.etag)
        if training.status is not ExternalTrainingStatus.PENDING:
            raise AlreadyReviewedError
        return training

    async def _settle(
        self,
        uow: UnitOfWork,
        training: ExternalTraining,
        status: ExternalTrainingStatus,
        reason: str,
    ) -> None:
        # Asked first: the question flushes, and the columns only hold together.
        now = await uow.now()
        training.status = status
        training.reviewed_by_id = self.actor.id
        training.reviewed_at = now
        training.review_reason = reason
        await uow.external_trainings.save(training)
        verified = status is ExternalTrainingStatus.VERIFIED
        action = (
            AuditAction.EXTERNAL_TRAINING_VERIFIED
            if verified
            else AuditAction.EXTERNAL_TRAINING_REJECTED
        )
        await uow.audit(action, training, after={"user_id": training.user_id})

    async def _answer(
        self, uow: UnitOfWork, training_id: uuid.UUID, *, created: bool = False
    ) -> Answer[ExternalTrainingRead]:
        row = found(
            await uow.external_trainings.get_visible(training_id, self.actor), "external_training"
        )
        return Answer(_read(row), created)


def _fields(source: ExternalTraining | ExternalTrainingCreate) -> dict[str, Any]:
    return {name: getattr(source, name) for name in FIELDS}


async def _person(uow: UnitOfWork, training: ExternalTraining) -> User:
    return found(await uow.users.by_id(training.user_id), "user")


async def _check(
    uow: UnitOfWork, training: ExternalTraining, today: date, *, names_evidence: bool
) -> None:
    found_faults = list(faults(_claim(training), today))
    module_id = training.module_id
    if module_id is not None and await uow.modules.not_deleted(module_id) is None:
        found_faults.append(FieldError("/module_id", "unknown_module", "No such module"))
    if names_evidence:
        evidence = training.evidence_reference
        fault = await evidence_media_fault(uow, evidence, training.user_id)
        found_faults += [fault] if fault else []
    if found_faults:
        raise InvalidPayloadError(found_faults)


def _claim(training: ExternalTraining) -> ExternalClaim:
    return ExternalClaim(
        completed_on=training.completed_on,
        module_id=training.module_id,
        credential_kind=training.credential_kind,
        printed_expiry=training.printed_expiry,
        provider_number=training.provider_number,
        ce_category=training.ce_category,
        ce_delivery=training.ce_delivery,
    )


def _evidence(training: ExternalTraining, recorded_on: date) -> ExternalEvidence:
    return ExternalEvidence(
        id=training.id,
        user_id=training.user_id,
        day=training.completed_on,
        recorded_on=recorded_on,
        module_id=training.module_id,
        credential_kind=training.credential_kind,
        printed_expiry=training.printed_expiry,
    )


def _audited(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if name not in UNAUDITED}


def _read(row: ExternalTrainingRow) -> ExternalTrainingRead:
    read = ExternalTrainingRead.model_validate(row.training)
    read.withdrawn_on = row.withdrawn_on
    read.withdrawal_reason = row.withdrawal_reason
    return read
