from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.core.pagination import Page, PageRequest
from app.models import Department
from app.repositories.base import Keyset, Repository


class DepartmentRepository(Repository[Department]):
    model = Department

    async def make(self, name: str) -> Department | None:
        """Create a department; return None when there is one of this name in any case."""
        statement = (
            insert(Department).values(name=name).on_conflict_do_nothing().returning(Department)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def named(self, name: str) -> Department:
        statement = select(Department).where(func.lower(Department.name) == name.lower())
        return (await self.session.scalars(statement)).one()

    async def list_all(self) -> list[Department]:
        return list(await self.session.scalars(select(Department).order_by(Department.name)))

    async def list_page(self, request: PageRequest) -> Page[Department]:
        return await self.page(
            select(Department), request, Keyset(Department.name, Department.id, str)
        )
