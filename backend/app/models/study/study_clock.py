import uuid
from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base
from app.core.postgres.table_security import READ_ONLY


class StudyClock(Base):
    """The instant up to which a person's time was credited, so that no second counts twice."""

    __tablename__ = "study_clocks"
    __rights__ = READ_ONLY

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    reported_at: Mapped[datetime]
    """When the person last reported study time, in any enrollment. Before: -infinity."""


class StudyTime(Base):
    """A time in which somebody's study counted; a class of that time does not count beside it."""

    __tablename__ = "study_times"
    __rights__ = READ_ONLY

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    began_at: Mapped[datetime] = mapped_column(primary_key=True)
    ended_at: Mapped[datetime]
