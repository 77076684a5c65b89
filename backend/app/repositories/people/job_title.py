from app.models import JobTitle, JobTitleSpelling
from app.repositories.people.word import WordRepository


class JobTitleRepository(WordRepository[JobTitle]):
    noun = "job_title"
    model = JobTitle
    spellings = JobTitleSpelling
