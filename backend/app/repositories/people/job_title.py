from sqlalchemy import func, select, update

from app.models import JobTitle, JobTitleSpelling, User
from app.repositories.people.word import WordRepository


class JobTitleRepository(WordRepository[JobTitle]):
    noun = "job_title"
    model = JobTitle
    spellings = JobTitleSpelling

    async def rename_held(self, before: str, after: str) -> None:
        values = {"job_title": after, "revision": User.revision + 1, "updated_at": func.now()}
        # Locked in one order, so that two of these never wait for each other.
        held = select(User.id).where(User.job_title == before).order_by(User.id)
        await self.session.execute(
            update(User)
            .where(User.id.in_(held.with_for_update(key_share=True)))
            .values(values)
            .execution_options(synchronize_session=False)
        )
