import uuid

from sqlalchemy import select

from app.models import ModuleTeaching
from app.repositories.base import Repository


class ModuleTeachingRepository(Repository[ModuleTeaching]):
    model = ModuleTeaching

    async def of_module(self, module_id: uuid.UUID, *, lock: bool = False) -> ModuleTeaching | None:
        statement = select(ModuleTeaching).where(ModuleTeaching.module_id == module_id)
        if lock:
            statement = statement.with_for_update()
        return (await self.session.scalars(statement)).one_or_none()
