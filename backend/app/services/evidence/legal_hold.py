"""Legal holds: while one is in force nothing about the person is erased."""

import uuid
from collections.abc import Collection

from app.core.concurrency import Precondition
from app.core.errors import (
    InvalidPayloadError,
)
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.models import LegalHold
from app.schemas.base import ListOf
from app.schemas.evidence.legal_hold import LegalHoldCreate, LegalHoldRead
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.people.employment.errors import PersonErasedError


class LegalHoldService(Service):
    async def list(
        self, request: PageRequest, *, user_ids: Collection[uuid.UUID], in_force: Collection[bool]
    ) -> ListOf[LegalHoldRead]:
        async with self.reading() as uow:
            page = await uow.legal_holds.list_all(request, user_ids=user_ids, in_force=in_force)
            return listed(page, LegalHoldRead.model_validate)

    async def get(self, hold_id: uuid.UUID) -> Answer[LegalHoldRead]:
        async with self.reading() as uow:
            return _answer(found(await uow.legal_holds.by_id(hold_id), "legal_hold"))

    async def place(self, payload: LegalHoldCreate) -> Answer[LegalHoldRead]:
        """Place a hold. The lock on the person makes it wait for an erasure, and the reverse."""
        async with self.work() as uow:
            user = await uow.users.get_visible(payload.user_id, self.actor, lock=True)
            if user is None:
                raise InvalidPayloadError.at("/user_id", "unknown_user", "No such person")
            if await uow.retention.is_erased(user.id):
                raise PersonErasedError
            hold = await uow.legal_holds.add(
                LegalHold(user_id=user.id, reason=payload.reason, placed_by_id=self.actor.id)
            )
            await uow.audit(AuditAction.LEGAL_HOLD_PLACED, hold, after={"user_id": user.id})
            return await uow.answer(_answer(hold, created=True))

    async def release(self, hold_id: uuid.UUID, precondition: Precondition) -> None:
        """Release a hold; it stays on record. Releasing a released one changes nothing."""
        async with self.work() as uow:
            hold = found(await uow.legal_holds.by_id(hold_id, lock=True), "legal_hold")
            precondition.require(hold.etag)
            if hold.released_at is None:
                hold.released_at = await uow.now()
                hold.released_by_id = self.actor.id
                await uow.legal_holds.save(hold)
                after = {"user_id": hold.user_id}
                await uow.audit(AuditAction.LEGAL_HOLD_RELEASED, hold, after=after)


def _answer(hold: LegalHold, *, created: bool = False) -> Answer[LegalHoldRead]:
    return Answer(LegalHoldRead.model_validate(hold), created)
