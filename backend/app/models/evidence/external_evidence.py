import uuid
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import RevisionedModel
from app.core.postgres.table_security import KEPT
from app.domain.evidence.ce_credit import Delivery
from app.models.types import Json, JsonObject, text_enum


class ExternalEvidenceStatus(StrEnum):
    PENDING = "pending"
    VERIFIED = "verified"
    REJECTED = "rejected"


class ExternalEvidence(RevisionedModel):
    """External evidence. Editable while pending; once reviewed the database refuses changes.

    Once verified it counts through the `VerifiedEvidence` of the same id, until it is withdrawn.
    """

    __tablename__ = "external_trainings"
    __rights__ = KEPT
    __table_args__ = (
        CheckConstraint("(module_id IS NULL) <> (credential_kind IS NULL)", name="kind"),
        CheckConstraint("printed_expiry IS NULL OR credential_kind IS NOT NULL", name="expiry"),
        CheckConstraint(
            "num_nonnulls(credential_number, issuing_state) = 0 OR credential_kind IS NOT NULL",
            name="licence",
        ),
        CheckConstraint("hours >= 0", name="hours"),
        CheckConstraint(
            "num_nulls(provider_number, ce_category, ce_delivery) IN (0, 3)", name="ce"
        ),
        CheckConstraint(
            "(status = 'pending') = (reviewed_at IS NULL)"
            " AND (status = 'pending') = (reviewed_by_id IS NULL)",
            name="reviewed",
        ),
        CheckConstraint(
            "reviewed_by_id <> user_id AND reviewed_by_id <> entered_by_id", name="second_person"
        ),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    entered_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    provider: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(200))
    instructor_name: Mapped[str | None] = mapped_column(String(200))
    instructor_qualification: Mapped[str | None] = mapped_column(String(200))
    completed_on: Mapped[date]
    hours: Mapped[Decimal] = mapped_column(Numeric(5, 2))
    module_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("training_modules.id"))
    """The module that this training stands for; else `credential_kind` says what it proves."""

    credential_kind: Mapped[str | None] = mapped_column(String(200))
    printed_expiry: Mapped[date | None]
    """Last valid day as printed on the card: stored, never computed."""

    credential_number: Mapped[str | None] = mapped_column(String(100))
    issuing_state: Mapped[str | None] = mapped_column(String(6))
    """By ISO 3166-2, such as US-CA. Null where no state has issued it, or nobody entered it."""

    evidence_reference: Mapped[str | None] = mapped_column(String(500))
    """Id of the media with the scan, or a text that says where else the scan is kept."""

    notes: Mapped[str | None] = mapped_column(Text)
    provider_number: Mapped[str | None] = mapped_column(String(100))
    """The approved provider's number; with category and delivery the hours are CE hours."""

    ce_category: Mapped[str | None] = mapped_column(String(100))
    ce_delivery: Mapped[Delivery | None] = mapped_column(text_enum(Delivery, "ce_delivery"))
    status: Mapped[ExternalEvidenceStatus] = mapped_column(
        text_enum(ExternalEvidenceStatus, "status"),
        server_default=ExternalEvidenceStatus.PENDING.value,
        default=ExternalEvidenceStatus.PENDING,
    )
    reviewed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    reviewed_at: Mapped[datetime | None]
    review_reason: Mapped[str | None] = mapped_column(Text)
    user_snapshot: Mapped[JsonObject | None] = mapped_column(Json)
    """Name, email, job title, department and location as they were at the verification."""


Index(
    "ix_external_trainings_user_id",
    ExternalEvidence.user_id,
    ExternalEvidence.completed_on.desc(),
    ExternalEvidence.id,
)
Index("ix_external_trainings_module_id", ExternalEvidence.module_id)
Index("ix_external_trainings_sort", ExternalEvidence.completed_on, ExternalEvidence.id)
Index("ix_external_trainings_expiry", ExternalEvidence.printed_expiry, ExternalEvidence.id)
