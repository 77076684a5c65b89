import uuid

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.core.postgres.table_security import READ_ONLY


class Signature(AppendOnlyModel):
    """A person signed the document of an acknowledgement section (cf. 21 CFR 11.50).

    Written by the database function `sign_section` alone.
    """

    __tablename__ = "signatures"
    __rights__ = READ_ONLY
    __kept_by__ = "refuse_unless_erased('user_id')"
    __table_args__ = (UniqueConstraint("enrollment_id", "section_id"),)

    enrollment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("enrollments.id"))
    section_id: Mapped[uuid.UUID]
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    printed_name: Mapped[str] = mapped_column(String(200))
    meaning: Mapped[str] = mapped_column(Text)
    document_sha256: Mapped[str] = mapped_column(String(64))
    directory_name: Mapped[str | None] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    """Both as in the directory at that time; null in signatures from before revision 0021."""
