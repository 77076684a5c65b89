"""Training records: reading them, and sealing and verifying all that is evidence."""

import uuid
from collections.abc import Collection

from app.core.pagination import PageRequest
from app.models import RecordSeal, TrainingRecord
from app.repositories.people.visibility import ONES_OWN, Whose
from app.schemas.base import ListOf
from app.schemas.evidence.training_record import (
    TrainingRecordDetail,
    TrainingRecordFacts,
    TrainingRecordRead,
)
from app.schemas.reference import UserReference
from app.services.answer import Answer
from app.services.base import Service, found
from app.services.evidence.verification import Verification, verification
from app.services.unit_of_work import UnitOfWork

MAX_SEAL_SIZE = 10_000


class TrainingRecordService(Service):
    async def list(
        self,
        request: PageRequest,
        *,
        whose: Whose = ONES_OWN,
        module_ids: Collection[uuid.UUID] = (),
    ) -> ListOf[TrainingRecordRead]:
        async with self.reading() as uow:
            await self.see_all(uow, whose.user_ids)
            page = await uow.training_records.list_visible(
                self.actor, request, whose=whose, module_ids=module_ids
            )
            items = await _with_validity(uow, page.items)
            return ListOf(items=items, next_cursor=page.next_cursor, total=page.total)

    async def get(self, record_id: uuid.UUID) -> Answer[TrainingRecordDetail]:
        async with self.reading() as uow:
            record = found(
                await uow.training_records.get_visible(record_id, self.actor), "training_record"
            )
            [read] = await _with_validity(uow, [record])
            detail = TrainingRecordDetail(
                **dict(read), payload=record.payload, etag=f'"{record.hash}"'
            )
            return Answer(detail)

    async def seal(self) -> RecordSeal | None:
        """Seal evidence that no seal covers yet; None when there is none.

        At most `MAX_SEAL_SIZE` a call: repeat until it returns None.
        """
        async with self.work() as uow:
            return await uow.seals.seal(
                MAX_SEAL_SIZE, actor_id=uow.actor_id, request_id=uow.request_id
            )

    async def verify(self, *, seal_head: str | None = None) -> Verification:
        """Recompute every hash, compare every column, check every seal; stop at the first fault.

        `seal_head` is the hash of a seal that was kept elsewhere: it has to be among the seals.
        """
        async with self.snapshot() as uow:
            return await verification(uow, seal_head)


async def _with_validity(
    uow: UnitOfWork, records: list[TrainingRecord]
) -> list[TrainingRecordRead]:
    """Add whose they are, and the first day on which one ceases to be enough for what it met."""
    names = await uow.users.display_names({record.user_id for record in records})
    until = await uow.certification_periods.valid_through([record.id for record in records])
    return [
        TrainingRecordRead(
            **TrainingRecordFacts.model_validate(record).model_dump(),
            user=UserReference(id=record.user_id, display_name=names[record.user_id]),
            valid_through=until.get(record.id),
        )
        for record in records
    ]
