import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import RevisionedModel
from app.core.postgres.table_security import KEPT
from app.models.types import text_enum


class MergeStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    REFUSED = "refused"


class Merge(RevisionedModel):
    """Two entries of the directory that are said to be one person; decided, it is evidence.

    Nothing recorded is rewritten: what is of `merged_id` keeps naming it, and counts for `user_id`
    through `users.merged_into_id`.
    """

    __tablename__ = "merges"
    __rights__ = KEPT
    __table_args__ = (
        CheckConstraint("user_id <> merged_id", name="two_entries"),
        CheckConstraint(
            "(status = 'pending') = (decided_at IS NULL)"
            " AND (status = 'pending') = (decided_by_id IS NULL)"
            " AND (status = 'pending') = (decided_on IS NULL)",
            name="decided",
        ),
        # Whoever proposed it may take it back; to confirm it takes somebody else.
        CheckConstraint(
            "(status <> 'confirmed' OR decided_by_id <> proposed_by_id)"
            " AND decided_by_id NOT IN (user_id, merged_id)"
            " AND proposed_by_id NOT IN (user_id, merged_id)",
            name="second_person",
        ),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), index=True)
    """The entry that continues."""

    merged_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    """The entry that ends."""

    reason: Mapped[str] = mapped_column(String(500))
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    status: Mapped[MergeStatus] = mapped_column(
        text_enum(MergeStatus, "status"),
        server_default=MergeStatus.PENDING.value,
        default=MergeStatus.PENDING,
    )
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_at: Mapped[datetime | None]
    decided_on: Mapped[date | None]
    """The day from which what is of both entries is known to be one person's."""


Index("ix_merges_sort", Merge.created_at, Merge.id)
Index(
    "uq_merges_merged_id",
    Merge.merged_id,
    unique=True,
    postgresql_where=text("status <> 'refused'"),
    sqlite_where=text("status <> 'refused'"),
)
