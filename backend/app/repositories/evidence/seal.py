from sqlalchemy import select

from app.core.pagination import Page, PageRequest
from app.models import RecordSeal
from app.repositories.base import Keyset, Repository


class SealRepository(Repository[RecordSeal]):
    model = RecordSeal

    async def list_all(self, request: PageRequest) -> Page[RecordSeal]:
        """List the newest first."""
        keyset = Keyset(RecordSeal.number, RecordSeal.id, int, descending=True)
        return await self.page(select(RecordSeal), request, keyset)
