"""Waivers and exemptions. An admin grants them; revoking one adds a row and edits nothing."""

import uuid

from app.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
)
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.models import Exemption, ExemptionRevocation
from app.repositories.compliance.exemption import ExemptionFilter, ExemptionRow
from app.schemas.base import ListOf
from app.schemas.compliance.exemption import ExemptionCreate, ExemptionRead, ExemptionRevoke
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile
from app.services.unit_of_work import UnitOfWork


class AlreadyRevokedError(ConflictError):
    code = "already_revoked"
    title = "This exemption was revoked already"


class OwnExemptionError(ForbiddenError):
    code = "own_exemption"
    detail = "Somebody else has to exempt you."


class ExemptionService(Service):
    async def list(self, filters: ExemptionFilter, request: PageRequest) -> ListOf[ExemptionRead]:
        async with self.reading() as uow:
            await self.see_all(uow, filters.user_ids)
            page = await uow.exemptions.list_visible(self.actor, filters, request)
            return listed(page, _read)

    async def get(self, exemption_id: uuid.UUID) -> Answer[ExemptionRead]:
        async with self.reading() as uow:
            return await self._answer(uow, exemption_id)

    async def grant(self, payload: ExemptionCreate) -> Answer[ExemptionRead]:
        async with self.work() as uow:
            user = await uow.users.get_visible(payload.user_id, self.actor)
            if user is None:
                raise InvalidPayloadError.at("/user_id", "unknown_user", "No such person")
            if self.actor.is_one_of([user.id]):
                raise OwnExemptionError
            await _check(uow, payload)
            exemption = await uow.exemptions.add(
                Exemption(
                    kind=payload.kind,
                    user_id=user.id,
                    requirement_id=payload.requirement_id,
                    reason=payload.reason,
                    starts_on=payload.starts_on,
                    ends_on=payload.ends_on,
                    approved_by_id=self.actor.id,
                    recorded_on=await uow.employment.today_of(user.id),
                )
            )
            after = payload.model_dump(mode="json", exclude={"reason"})
            await uow.audit(AuditAction.EXEMPTION_GRANTED, exemption, after=after)
            await reconcile(uow, [user.id], [payload.requirement_id])
            return await uow.answer(await self._answer(uow, exemption.id, created=True))

    async def revoke(
        self, exemption_id: uuid.UUID, payload: ExemptionRevoke
    ) -> Answer[ExemptionRead]:
        """End it: today, where the person works, is the first day that is no longer free."""
        async with self.work() as uow:
            row = found(await uow.exemptions.get_visible(exemption_id, self.actor), "exemption")
            if row.revoked_on is not None:
                raise AlreadyRevokedError
            user = found(await uow.users.by_id(row.exemption.user_id), "user")
            day = await uow.employment.today_of(user.id)
            await uow.exemptions.revoke(
                ExemptionRevocation(
                    exemption_id=exemption_id,
                    recorded_on=day,
                    reason=payload.reason,
                    revoked_by_id=self.actor.id,
                )
            )
            after = {"user_id": user.id, "revoked_on": day}
            await uow.audit(AuditAction.EXEMPTION_REVOKED, row.exemption, after=after)
            await reconcile(uow, [user.id], [row.exemption.requirement_id])
            return await uow.answer(await self._answer(uow, exemption_id))

    async def _answer(
        self, uow: UnitOfWork, exemption_id: uuid.UUID, *, created: bool = False
    ) -> Answer[ExemptionRead]:
        row = found(await uow.exemptions.get_visible(exemption_id, self.actor), "exemption")
        return Answer(_read(row), created)


async def _check(uow: UnitOfWork, payload: ExemptionCreate) -> None:
    faults = []
    if not await uow.exemptions.requirement_exists(payload.requirement_id):
        faults.append(FieldError("/requirement_id", "unknown_requirement", "No such requirement"))
    if payload.ends_on is not None and payload.ends_on < payload.starts_on:
        faults.append(FieldError("/ends_on", "before_start", "It ends before it starts"))
    if faults:
        raise InvalidPayloadError(faults)


def _read(row: ExemptionRow) -> ExemptionRead:
    read = ExemptionRead.model_validate(row.exemption)
    read.revoked_on = row.revoked_on
    read.revocation_reason = row.revocation_reason
    return read
