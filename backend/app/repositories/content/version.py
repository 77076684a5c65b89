import uuid
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import defer

from app.core.pagination import Page, PageRequest
from app.models import AnswerKey, ModuleVersion, TrainingModule, VersionSection
from app.models.types import JsonObject
from app.repositories.base import Orders, Repository

VERSION_ORDERS = Orders("-number", ModuleVersion.id, number=ModuleVersion.number)


class VersionRepository(Repository[ModuleVersion]):
    model = ModuleVersion

    async def next_number(self, module_id: uuid.UUID) -> int:
        """Return the number of the next version; the caller holds the module's lock."""
        statement = select(func.max(ModuleVersion.number)).where(
            ModuleVersion.module_id == module_id
        )
        return (await self.session.scalar(statement) or 0) + 1

    async def by_id(self, version_id: uuid.UUID) -> ModuleVersion | None:
        return await self.session.get(ModuleVersion, version_id)

    async def numbered(self, module_id: uuid.UUID, number: int) -> ModuleVersion | None:
        statement = select(ModuleVersion).where(
            ModuleVersion.module_id == module_id, ModuleVersion.number == number
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def list_of(self, module_id: uuid.UUID, request: PageRequest) -> Page[ModuleVersion]:
        statement = (
            select(ModuleVersion)
            .where(ModuleVersion.module_id == module_id)
            .options(defer(ModuleVersion.content))
        )
        return await self.page(statement, request, VERSION_ORDERS)

    async def current_outline(self, module_id: uuid.UUID) -> list[Any]:
        statement = (
            select(ModuleVersion.outline)
            .join(TrainingModule, TrainingModule.current_version_id == ModuleVersion.id)
            .where(TrainingModule.id == module_id)
        )
        return list(await self.session.scalar(statement) or [])

    async def add_parts(self, sections: list[VersionSection], keys: list[AnswerKey]) -> None:
        self.session.add_all([*sections, *keys])
        await self.session.flush()

    async def section(self, version_id: uuid.UUID, section_id: uuid.UUID) -> VersionSection | None:
        return await self.session.get(VersionSection, (version_id, section_id))

    async def answer_keys(self, version_id: uuid.UUID) -> dict[uuid.UUID, JsonObject]:
        """Return the keys of a version's quizzes by section."""
        statement = select(AnswerKey.section_id, AnswerKey.key).where(
            AnswerKey.version_id == version_id
        )
        return {row.section_id: row.key for row in await self.session.execute(statement)}

    async def answer_key(self, version_id: uuid.UUID, section_id: uuid.UUID) -> AnswerKey | None:
        return await self.session.get(AnswerKey, (version_id, section_id))
