import uuid

from sqlalchemy import ForeignKey, Index, func
from sqlalchemy.orm import Mapped, mapped_column

from app.models.people.word import Spelling, Word


class Department(Word):
    """A department. Its name is unique in any case: `Front Desk` and `front desk` are one."""

    __tablename__ = "departments"


class DepartmentSpelling(Spelling):
    __tablename__ = "department_spellings"

    word_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("departments.id"), index=True)


Index("uq_departments_name", func.lower(Department.name), unique=True)
