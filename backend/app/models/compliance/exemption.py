import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.domain.compliance import ExemptionKind
from app.models.types import text_enum


class Exemption(AppendOnlyModel):
    """Frees a person from a requirement from `starts_on` through `ends_on`, inclusive."""

    __tablename__ = "exemptions"
    __table_args__ = (CheckConstraint("ends_on >= starts_on", name="ends_on"),)

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    requirement_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("requirements.id"))
    kind: Mapped[ExemptionKind] = mapped_column(text_enum(ExemptionKind, "kind"))
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500))
    approved_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    recorded_on: Mapped[date]


Index("ix_exemptions_user_id", Exemption.user_id, Exemption.requirement_id)
Index("ix_exemptions_sort", Exemption.created_at, Exemption.id)


class ExemptionRevocation(AppendOnlyModel):
    """Ends an exemption: `recorded_on` is the first day on which it does not hold any more."""

    __tablename__ = "exemption_revocations"

    exemption_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("exemptions.id"), unique=True)
    recorded_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    revoked_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
