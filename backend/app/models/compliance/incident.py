import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.domain.compliance.incident import IncidentKind
from app.models.types import text_enum


class Incident(AppendOnlyModel):
    """Something that happened, after which the people whom it names have to train again."""

    __tablename__ = "incidents"
    __table_args__ = (CheckConstraint("retrain_by >= day", name="retrain_by"),)

    kind: Mapped[IncidentKind] = mapped_column(text_enum(IncidentKind, "kind"))
    day: Mapped[date]
    location_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("locations.id"))
    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
    retrain_by: Mapped[date]
    """The last day in time to train again."""

    description: Mapped[str] = mapped_column(String(2000))
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


Index("ix_incidents_requirement_id", Incident.requirement_id)
Index("ix_incidents_sort", Incident.created_at, Incident.id)


class IncidentPerson(AppendOnlyModel):
    """Somebody whom an incident names; it counts for them from `recorded_on`, for its own day."""

    __tablename__ = "incident_people"
    __table_args__ = (UniqueConstraint("incident_id", "user_id"),)

    incident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incidents.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    recorded_on: Mapped[date]


Index("ix_incident_people_user_id", IncidentPerson.user_id)


class IncidentWithdrawal(AppendOnlyModel):
    """An incident was entered by mistake; from `recorded_on` on nobody has to train for it."""

    __tablename__ = "incident_withdrawals"

    incident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incidents.id"), unique=True)
    recorded_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    withdrawn_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


class CorrectiveStep(AppendOnlyModel):
    """What somebody has to do by a day, so that it does not happen again."""

    __tablename__ = "corrective_steps"

    incident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incidents.id"))
    step: Mapped[str] = mapped_column(String(500))
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    due_on: Mapped[date]
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


Index("ix_corrective_steps_incident_id", CorrectiveStep.incident_id)


class CorrectiveStepCompletion(AppendOnlyModel):
    __tablename__ = "corrective_step_completions"

    step_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("corrective_steps.id"), unique=True)
    done_on: Mapped[date]
    note: Mapped[str] = mapped_column(String(500))
    recorded_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
