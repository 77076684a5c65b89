import uuid
from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.domain.evidence.source_check import CheckResult
from app.models.types import text_enum


class SourceCheck(AppendOnlyModel):
    """Somebody looked a card up at its source. It changes nothing of the card by itself."""

    __tablename__ = "source_checks"
    __kept_by__ = "refuse_unless_erased('user_id')"
    __table_args__ = (
        CheckConstraint("next_check_on > checked_on", name="next_check"),
        CheckConstraint("checked_by_id <> user_id", name="second_person"),
    )

    evidence_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("external_trainings.id"))
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    """Whose card it is."""

    source: Mapped[str] = mapped_column(String(200))
    """Where it was looked up: the board's register, say."""

    reference: Mapped[str | None] = mapped_column(String(500))
    """An address, or the number of the answer."""

    checked_on: Mapped[date]
    result: Mapped[CheckResult] = mapped_column(text_enum(CheckResult, "result"))
    next_check_on: Mapped[date | None]
    note: Mapped[str | None] = mapped_column(Text)
    checked_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))


Index("ix_source_checks_evidence_id", SourceCheck.evidence_id, SourceCheck.checked_on)
Index("ix_source_checks_user_id", SourceCheck.user_id)
Index("ix_source_checks_sort", SourceCheck.next_check_on, SourceCheck.id)
