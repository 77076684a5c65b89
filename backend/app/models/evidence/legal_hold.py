import uuid
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import RevisionedModel
from app.core.postgres.table_security import KEPT


class LegalHold(RevisionedModel):
    """Keeps everything about a person from being erased until it is released. Never deleted."""

    __tablename__ = "legal_holds"
    __rights__ = KEPT
    __edited__ = ("released_at", "released_by_id", "revision", "updated_at")
    __table_args__ = (
        CheckConstraint("(released_at IS NULL) = (released_by_id IS NULL)", name="released"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(Text)
    placed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    released_at: Mapped[datetime | None]
    released_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


Index("ix_legal_holds_user_id", LegalHold.user_id, LegalHold.id)
Index("ix_legal_holds_sort", LegalHold.created_at, LegalHold.id)
