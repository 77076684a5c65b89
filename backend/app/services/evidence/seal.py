"""Reading the seals. Their hashes prove most when they are also kept outside of this database."""

from collections.abc import Sequence

from app.core.pagination import PageRequest
from app.models import RecordSeal
from app.schemas.base import ListOf
from app.schemas.evidence.seal import SealRead
from app.services.base import Service, listed


class SealService(Service):
    async def list(self, request: PageRequest) -> ListOf[SealRead]:
        async with self.reading() as uow:
            return listed(await uow.seals.list_all(request), SealRead.model_validate)

    async def all(self) -> Sequence[RecordSeal]:
        """Return every seal, from the first on."""
        async with self.reading() as uow:
            return await uow.seals.all()
