from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from app.repositories.people.department import DepartmentRepository
from app.repositories.people.job_title import JobTitleRepository


async def list_words(
    session: AsyncSession, *, departments: Iterable[str] = (), job_titles: Iterable[str] = ()
) -> None:
    """Put words into the lists, as an admin does."""
    for name in departments:
        await DepartmentRepository(session).make(name, confirmed=True)
    for name in job_titles:
        await JobTitleRepository(session).make(name, confirmed=True)
    await session.commit()
