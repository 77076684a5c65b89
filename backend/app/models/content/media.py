import uuid
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnly, Base, RevisionedModel
from app.domain.content.media.file import MediaPurpose, MediaState, MediaType, Rejection
from app.models.types import text_enum


class Media(RevisionedModel):
    """A file in Storage. The row is made before the upload, and the file usable after a check."""

    __tablename__ = "media"
    __table_args__ = (
        CheckConstraint("declared_bytes > 0", name="declared_bytes"),
        CheckConstraint("(state = 'pending') = (completed_at IS NULL)", name="completed_at"),
        CheckConstraint("(state = 'rejected') = (rejection IS NOT NULL)", name="rejected"),
        CheckConstraint(
            "state <> 'ready'"
            " OR coalesce(found_type = declared_type AND found_bytes = declared_bytes, false)",
            name="ready",
        ),
        UniqueConstraint("bucket", "path"),
    )

    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    """The person whose evidence it is; for a file of a section, its uploader."""

    uploaded_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    purpose: Mapped[MediaPurpose] = mapped_column(text_enum(MediaPurpose, "purpose"))
    bucket: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(200))
    """Key in the bucket, made by domain.media.object_path."""

    file_name: Mapped[str | None] = mapped_column(String(200))
    """The file's name for people. It is never part of a path."""

    declared_type: Mapped[MediaType] = mapped_column(text_enum(MediaType, "declared_type"))
    declared_bytes: Mapped[int] = mapped_column(BigInteger)
    found_type: Mapped[str | None] = mapped_column(String(100))
    """The type found in the stored bytes; None before the check, or for an unknown type."""

    found_bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(String(64))
    """Lower-case hex SHA-256 of the stored bytes; None for files too large to be read again."""

    state: Mapped[MediaState] = mapped_column(
        text_enum(MediaState, "state"),
        server_default=MediaState.PENDING.value,
        default=MediaState.PENDING,
    )
    rejection: Mapped[Rejection | None] = mapped_column(text_enum(Rejection, "rejection"))
    completed_at: Mapped[datetime | None]


Index("ix_media_owner_id", Media.owner_id)
Index("ix_media_created_at", Media.purpose, Media.created_at.desc(), Media.id)


class VersionMedia(AppendOnly, Base):
    """A file that a published version uses. People enrolled in that version may see it."""

    __tablename__ = "version_media"

    version_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("module_versions.id"), primary_key=True
    )
    media_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("media.id"), primary_key=True)


Index("ix_version_media_media_id", VersionMedia.media_id)
