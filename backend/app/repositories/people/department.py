from app.models import Department, DepartmentSpelling
from app.repositories.people.word import WordRepository


class DepartmentRepository(WordRepository[Department]):
    noun = "department"
    model = Department
    spellings = DepartmentSpelling
