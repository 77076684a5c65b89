from app.models import JobTitle, JobTitleSpelling
from app.repositories.people.word import WordRepository, word_orders

JOB_TITLE_ORDERS = word_orders(JobTitle)


class JobTitleRepository(WordRepository[JobTitle]):
    noun = "job_title"
    model = JobTitle
    spellings = JobTitleSpelling
    orders = JOB_TITLE_ORDERS
