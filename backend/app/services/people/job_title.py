from app.models import JobTitle
from app.repositories.people.job_title import JobTitleRepository
from app.services.people.word import WordService
from app.services.unit_of_work import UnitOfWork


class JobTitleService(WordService[JobTitle]):
    def words(self, uow: UnitOfWork) -> JobTitleRepository:
        return uow.job_titles
