from sqlalchemy import Index, String, func
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import TimestampedUUIDModel


class Department(TimestampedUUIDModel):
    """A department. Its name is unique in any case: `Front Desk` and `front desk` are one."""

    __tablename__ = "departments"

    name: Mapped[str] = mapped_column(String(200))


Index("uq_departments_name", func.lower(Department.name), unique=True)
