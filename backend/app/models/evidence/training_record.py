import uuid
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import ForeignKey, Index, Integer, Numeric, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnlyModel
from app.core.postgres.table_security import READ_ONLY
from app.models.types import Json, JsonObject


class TrainingRecord(AppendOnlyModel):
    """Evidence of one completion (29 CFR 1910.1030(h)(2), 45 CFR 164.530(b)(2)(ii)).

    Written only by the database functions `issue_training_record` and `amend_training_record`.
    `payload` is the exact text that `hash` covers, so that a verifier needs no knowledge of how it
    was formatted; the other columns repeat parts of it for queries, and verification compares them.
    """

    __tablename__ = "training_records"
    __rights__ = READ_ONLY
    __kept_by__ = "refuse_unless_erased('user_id')"
    __table_args__ = (
        UniqueConstraint("user_id", "sequence"),
        UniqueConstraint("user_id", "previous_hash"),
    )

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    sequence: Mapped[int] = mapped_column(Integer)
    """1, 2, 3 ... without gaps for each person."""

    enrollment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("enrollments.id"))
    corrects_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("training_records.id"))
    module_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("training_modules.id"))
    version_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("module_versions.id"))
    user_snapshot: Mapped[JsonObject] = mapped_column(Json)
    """Name, email, job title, department and location as they were at completion."""

    module_title: Mapped[str] = mapped_column(String(200))
    version: Mapped[int] = mapped_column(Integer)
    content_sha256: Mapped[str] = mapped_column(String(64))
    completed_at: Mapped[datetime]
    local_date: Mapped[date]
    time_zone: Mapped[str] = mapped_column(String(64))
    score_percent: Mapped[Decimal | None] = mapped_column(Numeric(5, 2))
    minutes: Mapped[int] = mapped_column(Integer)
    payload: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    """Hash of the same person's record before this one; 64 zeros for the first."""

    hash: Mapped[str] = mapped_column(String(64), unique=True)
    """SHA-256, lower-case hex, over previous_hash + payload in UTF-8."""


Index(
    "uq_training_records_enrollment_id",
    TrainingRecord.enrollment_id,
    unique=True,
    postgresql_where=text("corrects_id IS NULL"),
    sqlite_where=text("corrects_id IS NULL"),
)
Index("ix_training_records_module_id", TrainingRecord.module_id, TrainingRecord.user_id)
Index("ix_training_records_sort", TrainingRecord.completed_at, TrainingRecord.id)


class RecordSeal(AppendOnlyModel):
    """A batch of evidence under one Merkle root, chained to the batch before.

    A person's chain shows a changed record; only a seal shows a removed tail, a removed person, or
    what was changed or removed of anything else. Written by `seal_records` alone.
    """

    __tablename__ = "record_seals"
    __rights__ = READ_ONLY

    number: Mapped[int] = mapped_column(Integer, unique=True)
    covers: Mapped[str | None] = mapped_column(String(64))
    """A kind of evidence, or `audit_trail`; it is in the hash. None in seals of before."""

    record_count: Mapped[int] = mapped_column(Integer)
    merkle_root: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64), unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)


class SealedRecord(AppendOnlyModel):
    """What a seal covers, in the order of its Merkle leaves. `evidence()` says what they are of."""

    __tablename__ = "sealed_records"
    __rights__ = READ_ONLY
    __table_args__ = (
        UniqueConstraint("seal_id", "position"),
        UniqueConstraint("record_id", "kind"),
    )

    seal_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("record_seals.id"))
    position: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(64), server_default="training_records")
    """The table of the row."""

    record_id: Mapped[uuid.UUID]
    """No foreign key: a seal must go on naming a row that somebody has removed."""

    record_hash: Mapped[str] = mapped_column(String(64))
