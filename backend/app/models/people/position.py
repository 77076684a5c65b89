import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel


class Position(AppendOnlyModel):
    """What was said on a day about where else a person works, besides their primary position.

    That one is in `users` and its history in `employment_changes`. Of the rows with one
    `position_id` the one with the highest number holds; the rows before it are kept, so that what
    was known on any day stays answerable. No position outlasts the employment that it began in.
    """

    __tablename__ = "positions"
    __table_args__ = (
        UniqueConstraint("position_id", "number"),
        CheckConstraint("ends_on >= starts_on", name="ends_on"),
    )

    position_id: Mapped[uuid.UUID]
    """The id of its first row."""

    number: Mapped[int] = mapped_column(Integer, server_default=text("1"), default=1)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    """The last day; null where no end is known."""

    location_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("locations.id"), index=True)
    department: Mapped[str | None] = mapped_column(String(200))
    job_title: Mapped[str | None] = mapped_column(String(200))
    manager_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    withdrawn: Mapped[bool] = mapped_column(server_default=text("false"), default=False)
    """Entered by mistake: there never was such a position."""

    recorded_on: Mapped[date]
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))

    @property
    def etag(self) -> str:
        return f'"{self.position_id}.{self.number}"'
