"""Checks of cards at their source. Each is evidence; none changes what the card counts for."""

import uuid
from datetime import date

from app.core.errors import ConflictError, ForbiddenError, InvalidPayloadError, NotFoundError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.domain.evidence.source_check import CheckClaim, faults
from app.models import ExternalEvidence, SourceCheck
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.schemas.base import ListOf
from app.schemas.evidence.source_check import SourceCheckCreate, SourceCheckRead
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.unit_of_work import UnitOfWork

FIELDS = ("source", "reference", "checked_on", "result", "next_check_on", "note")
UNAUDITED = {"reference", "note"}


class OwnCredentialError(ForbiddenError):
    code = "own_credential"
    detail = "Somebody else has to check your card at its source."


class NotStandingError(ConflictError):
    code = "not_standing"
    title = "This card was rejected or withdrawn"


class SourceCheckService(Service):
    async def record(
        self, evidence_id: uuid.UUID, payload: SourceCheckCreate
    ) -> Answer[SourceCheckRead]:
        async with self.work() as uow:
            # The lock lets nobody withdraw the card in the meantime.
            card = await uow.external_evidence.lock_visible(evidence_id, self.actor)
            if card is None or card.credential_kind is None:
                raise NotFoundError("credential")
            if self.actor.is_one_of([card.user_id]):
                raise OwnCredentialError
            await self._require_standing(uow, card)
            fields = {name: getattr(payload, name) for name in FIELDS}
            claim = CheckClaim(payload.checked_on, payload.next_check_on)
            if wrong := list(faults(claim, await uow.employment.today_of(card.user_id))):
                raise InvalidPayloadError(wrong)
            ids = {"evidence_id": card.id, "user_id": card.user_id}
            check = SourceCheck(checked_by_id=self.actor.id, **ids, **fields)
            await uow.source_checks.add(check)
            told = {name: value for name, value in fields.items() if name not in UNAUDITED}
            await uow.audit(AuditAction.SOURCE_CHECK_RECORDED, check, after=ids | told)
            return await uow.answer(Answer(SourceCheckRead.model_validate(check), created=True))

    async def due(self, due_by: date | None, request: PageRequest) -> ListOf[SourceCheckRead]:
        """List the last check of each card that has to be checked again by a day, or by today."""
        async with self.reading() as uow:
            last = due_by or await uow.employment.office_day_of(self.actor.id)
            page = await uow.source_checks.due(self.actor, last, request)
        return listed(page, SourceCheckRead.model_validate)

    async def _require_standing(self, uow: UnitOfWork, card: ExternalEvidence) -> None:
        row = found(await uow.external_evidence.get_visible(card.id, self.actor), "credential")
        if card.status is ExternalEvidenceStatus.REJECTED or row.withdrawn_on is not None:
            raise NotStandingError
