from app.models import Department
from app.repositories.people.department import DepartmentRepository
from app.services.people.word import WordService
from app.services.unit_of_work import UnitOfWork


class DepartmentService(WordService[Department]):
    def words(self, uow: UnitOfWork) -> DepartmentRepository:
        return uow.departments
