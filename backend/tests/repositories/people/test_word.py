from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.repositories.people.department import DepartmentRepository
from app.repositories.people.job_title import JobTitleRepository


class TestMake:
    async def test_a_name_is_made_once_however_it_is_spelled(self, session: AsyncSession) -> None:
        departments = DepartmentRepository(session)
        first = await departments.make("Front Desk", confirmed=True)
        assert first is not None
        for spelling in ("FRONT desk", "front  desk", "\uff26ront Desk", "Front\u200d Desk"):
            assert await departments.make(spelling, confirmed=True) is None
            assert await departments.spelled(spelling) is first
        assert await departments.written() == ["Front Desk"]

    async def test_an_alias_is_a_name_already(self, session: AsyncSession) -> None:
        titles = JobTitleRepository(session)
        hygienist = await titles.make("Hygienist", confirmed=True)
        assert hygienist is not None
        assert await titles.claim(hygienist.id, ["RDH"]) == []
        assert await titles.make("rdh", confirmed=True) is None
        assert await titles.spelled("Rdh") is hygienist
        assert await titles.written() == ["Hygienist", "RDH"]

    async def test_two_transactions_make_one(self, committed_database: Database) -> None:
        async with committed_database.writing() as first:
            made = await DepartmentRepository(first).make("Hygiene", confirmed=True)
            await first.commit()
        async with committed_database.writing() as second:
            departments = DepartmentRepository(second)
            assert made is not None
            assert await departments.make("hygiene", confirmed=True) is None
            found = await departments.spelled("hygiene")
            assert found is not None
            assert found.id == made.id
