import uuid

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel


class AttemptGrant(AppendOnlyModel):
    """One more attempt at a quiz than its rules allow, given to a person by somebody else.

    It belongs to an enrollment as attempts do, and counts wherever those count.
    """

    __tablename__ = "attempt_grants"

    enrollment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("enrollments.id"))
    section_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    reason: Mapped[str] = mapped_column(String(500))
    granted_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))


Index("ix_attempt_grants_enrollment_id", AttemptGrant.enrollment_id, AttemptGrant.section_id)
