from app.models import Department, DepartmentSpelling
from app.repositories.people.word import WordRepository, word_orders

DEPARTMENT_ORDERS = word_orders(Department)


class DepartmentRepository(WordRepository[Department]):
    noun = "department"
    model = Department
    spellings = DepartmentSpelling
    orders = DEPARTMENT_ORDERS
