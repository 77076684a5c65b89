import uuid

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import Base, RevisionedModel, SoftDeletable
from app.models.types import Json


class Location(SoftDeletable, RevisionedModel):
    """An office. Its time zone decides which calendar day a completion belongs to."""

    __tablename__ = "locations"
    __table_args__ = (
        # SQLite, on which some tests run, has no such function.
        CheckConstraint(
            "state IS NULL OR country = split_part(state, '-', 1)", name="state"
        ).ddl_if(dialect="postgresql"),
    )

    name: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(64))
    """IANA name, such as America/Los_Angeles."""

    country: Mapped[str | None] = mapped_column(String(2))
    """ISO 3166-1, such as US."""

    state: Mapped[str | None] = mapped_column(String(6))
    """ISO 3166-2, such as US-CA, of the same country."""

    site_facts: Mapped[dict[str, str]] = mapped_column(
        Json, server_default=text("'{}'"), default=dict
    )
    """Facts of this office that modules name, by kind (domain/content/site_fact.py)."""


Index(
    "uq_locations_name_live",
    func.lower(Location.name),
    unique=True,
    postgresql_where=text("deleted_at IS NULL"),
    sqlite_where=text("deleted_at IS NULL"),
)


class LocationManager(Base):
    """A manager sees the people of every location listed here, besides their own location."""

    __tablename__ = "location_managers"

    location_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("locations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True
    )
