import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel


class VerifiedEvidence(AppendOnlyModel):
    """Verified evidence that no training record of ours stands behind.

    `id` is that of the external evidence, attendance or credential it comes from.
    """

    # The seals cover rows under this name of the table, so it cannot be changed any more.
    __tablename__ = "evidence_elsewhere"
    __table_args__ = (
        CheckConstraint("(module_id IS NULL) <> (credential_kind IS NULL)", name="subject"),
        CheckConstraint("version IS NULL OR module_id IS NOT NULL", name="version"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    day: Mapped[date]
    """The day of the training, or of issue."""

    recorded_on: Mapped[date]
    """The day at the person's location on which it was verified: it counts from here on."""

    module_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("training_modules.id"))
    version: Mapped[int | None] = mapped_column(Integer)
    """None: credit for the module as it was on `day`."""

    credential_kind: Mapped[str | None] = mapped_column(String(200))
    printed_expiry: Mapped[date | None]


Index("ix_evidence_elsewhere_user_id", VerifiedEvidence.user_id)


class EvidenceWithdrawal(AppendOnlyModel):
    """External evidence was found wrong; from `recorded_on` on it no longer counts."""

    __tablename__ = "evidence_withdrawals"

    evidence_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("evidence_elsewhere.id"), unique=True)
    recorded_on: Mapped[date]
    reason: Mapped[str] = mapped_column(String(500))
    withdrawn_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
