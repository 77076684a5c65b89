import uuid

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.models import Department
from app.repositories.base import Repository


class DepartmentRepository(Repository[Department]):
    model = Department

    async def named(self, name: str) -> Department:
        """Return the department of this name, whatever its case; make it when it is new."""
        created = (
            insert(Department).values(name=name).on_conflict_do_nothing().returning(Department)
        )
        department = (await self.session.scalars(created)).one_or_none()
        if department is not None:
            return department
        statement = select(Department).where(func.lower(Department.name) == name.lower())
        return (await self.session.scalars(statement)).one()

    async def list_all(self) -> list[Department]:
        return list(await self.session.scalars(select(Department).order_by(Department.name)))

    async def by_id(self, department_id: uuid.UUID) -> Department | None:
        return await self.session.get(Department, department_id)
