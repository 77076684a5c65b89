import uuid
from datetime import date
from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnly, Base, UUIDModel
from app.core.postgres.table_security import KEPT
from app.domain.compliance import ComplianceStatus
from app.models.types import text_enum


class Segment(Base):
    """A person's status for a requirement on every day from `starts_on` through `ends_on`.

    Statuses of future days assume that nothing else is recorded. Where the person worked is
    repeated here, so that the matrix of any day needs only one index.
    """

    __abstract__ = True

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    requirement_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("requirements.id"), primary_key=True
    )
    starts_on: Mapped[date] = mapped_column(primary_key=True)
    place: Mapped[int] = mapped_column(
        SmallInteger, primary_key=True, autoincrement=False, server_default=text("0")
    )
    """0 for where the person works first of all. Whoever works at several places has the status
    once more for each of the others, with the same days."""

    ends_on: Mapped[date]
    """Infinity where the status has no end."""

    status: Mapped[ComplianceStatus] = mapped_column(text_enum(ComplianceStatus, "status"))
    due_on: Mapped[date | None]
    valid_through: Mapped[date | None]
    met_by: Mapped[uuid.UUID | None]
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    department: Mapped[str | None] = mapped_column(String(200))
    job_title: Mapped[str | None] = mapped_column(String(200))


class ComplianceSegment(Segment):
    """What is known today, about any day.

    The segments of a person and requirement follow each other without gap or overlap while the
    person is employed and a rule is in force; other days have none.
    """

    __tablename__ = "compliance_segments"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_on"),)

    known_from: Mapped[date] = mapped_column(server_default="-infinity")
    """The first day on which this was known."""


class SupersededSegment(AppendOnly, Segment):
    """A status that was held to be true from `known_from` through `known_through`.

    A late fact has replaced it since. It is kept so that a report can show what was known then.
    """

    __tablename__ = "superseded_segments"
    __table_args__ = (CheckConstraint("known_through >= known_from", name="known_through"),)

    known_from: Mapped[date] = mapped_column(primary_key=True)
    known_through: Mapped[date]


Index(
    "ix_superseded_segments_as_of",
    SupersededSegment.known_through,
    SupersededSegment.ends_on,
    SupersededSegment.starts_on,
)
Index(
    "ix_compliance_segments_as_of",
    ComplianceSegment.ends_on,
    ComplianceSegment.starts_on,
    postgresql_include=["requirement_id", "status", "location_id"],
)
Index(
    "ix_compliance_segments_requirement_id",
    ComplianceSegment.requirement_id,
    ComplianceSegment.ends_on,
)


class Dimension(StrEnum):
    """A dimension by which the matrix is counted: everybody once, where they work first of all.

    The others count people at further places: nobody twice at one.
    """

    LOCATION = "location"
    DEPARTMENT = "department"
    JOB_TITLE = "job_title"
    ALSO_LOCATION = "also_location"
    ALSO_DEPARTMENT = "also_department"
    ALSO_JOB_TITLE = "also_job_title"

    @property
    def also(self) -> "Dimension":
        return Dimension(f"also_{self.value}")

    @property
    def first(self) -> "Dimension":
        return Dimension(self.value.removeprefix("also_"))


class ComplianceDay(Base):
    """A day for which counts are stored."""

    __tablename__ = "compliance_days"

    day: Mapped[date] = mapped_column(primary_key=True)


class ComplianceCount(UUIDModel):
    """A change of the number of people with a status on such a day. The sum of rows is the number.

    Transactions only add rows, so that they never wait for each other. The nightly reconciliation
    adds them up.
    """

    __tablename__ = "compliance_counts"

    day: Mapped[date] = mapped_column(ForeignKey("compliance_days.day", ondelete="CASCADE"))
    dimension: Mapped[Dimension] = mapped_column(text_enum(Dimension, "dimension"))
    key: Mapped[str | None] = mapped_column(String(200))
    """A location's id, a department or a job title."""

    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
    status: Mapped[ComplianceStatus] = mapped_column(text_enum(ComplianceStatus, "status"))
    people: Mapped[int] = mapped_column(Integer)


Index(
    "ix_compliance_counts_day",
    ComplianceCount.day,
    ComplianceCount.dimension,
    postgresql_include=["key", "requirement_id", "status", "people"],
)


class ComplianceEdition(UUIDModel):
    """A counter of changes to the tables that the matrix is made from, spread over several rows.

    A trigger adds to any row that no other transaction has locked. The sum of all rows counts.
    """

    __tablename__ = "compliance_editions"
    __rights__ = KEPT

    number: Mapped[int] = mapped_column(BigInteger)


class CompliancePending(UUIDModel):
    """A training record that reconciliation has not looked at yet.

    The database writes one with every record, in the same transaction, and reconciling the person
    deletes it. If the process crashes in between, the next reconciliation finds it here.
    """

    __tablename__ = "compliance_pending"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"))


class ComplianceOutdated(UUIDModel):
    """A person to whom the present form of a requirement has not been applied yet.

    A change of a requirement writes these rows if it concerns too many people to reconcile them at
    once. Reconciling the person deletes the row. Rows are not unique, so that a change never waits
    for a reconciliation that is deleting one.
    """

    __tablename__ = "compliance_outdated"

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
