import uuid
from datetime import date

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base


class ManagerChange(Base):
    """Who is to be a person's manager from a day to come. Deleted once it has taken effect."""

    __tablename__ = "manager_changes"

    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    effective_on: Mapped[date] = mapped_column(primary_key=True)
    manager_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    """Null where the person is to have none."""
