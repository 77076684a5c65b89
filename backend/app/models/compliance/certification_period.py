import uuid
from datetime import date

from sqlalchemy import ForeignKey, Index, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.core.postgres.table_security import MUTABLE
from app.domain.compliance import PeriodCause, PeriodOutcome
from app.models.types import text_enum


class Period(AppendOnlyModel):
    """One cycle of a requirement for a person, as `app.domain.compliance` derives it."""

    __abstract__ = True
    __stamped__ = ()

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
    number: Mapped[int] = mapped_column(Integer)
    cause: Mapped[PeriodCause] = mapped_column(text_enum(PeriodCause, "cause"))
    window_start: Mapped[date]
    due_on: Mapped[date | None]
    outcome: Mapped[PeriodOutcome] = mapped_column(text_enum(PeriodOutcome, "outcome"))
    closed_on: Mapped[date | None]
    met_by: Mapped[uuid.UUID | None]
    """A training record, or external evidence."""

    met_on: Mapped[date | None]
    waived_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("exemptions.id"))
    valid_from: Mapped[date | None]
    valid_through: Mapped[date | None]


class CertificationPeriod(Period):
    """A period as it is known today.

    The database lets reconciliation replace a period while it is open, and until the day on
    which it closed is over in all time zones. After that a period is only removed when a late fact
    contradicts it, and then moves to `superseded_periods`.
    """

    __tablename__ = "certification_periods"
    __rights__ = MUTABLE
    __kept_by__ = None
    __table_args__ = (UniqueConstraint("user_id", "requirement_id", "number"),)


class SupersededPeriod(Period):
    """A closed period as it was held to be true until `superseded_on`."""

    __tablename__ = "superseded_periods"

    superseded_on: Mapped[date]


Index("ix_superseded_periods_user_id", SupersededPeriod.user_id, SupersededPeriod.requirement_id)

Index("ix_certification_periods_met_by", CertificationPeriod.met_by)
