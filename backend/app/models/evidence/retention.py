import uuid
from datetime import date

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.database import AppendOnly, AppendOnlyModel, Base, RevisionedModel
from app.core.postgres.table_security import KEPT, READ_ONLY
from app.domain.evidence.retention import RetentionClass
from app.models.types import text_enum


class RetentionPeriod(RevisionedModel):
    """How long the organisation keeps a class of evidence, where longer than the minimum."""

    __tablename__ = "retention_periods"
    __rights__ = KEPT
    __table_args__ = (CheckConstraint("years BETWEEN 1 AND 100", name="years"),)

    retention_class: Mapped[RetentionClass] = mapped_column(
        text_enum(RetentionClass, "retention_class"), unique=True
    )
    years: Mapped[int] = mapped_column(SmallInteger)


class Erasure(AppendOnlyModel):
    """The tombstone of a person whose evidence was erased after its clock.

    Written by the database function `erase_person` alone, which the API's role may not execute.
    """

    __tablename__ = "erasures"
    __rights__ = READ_ONLY

    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), unique=True)
    pseudonym: Mapped[str] = mapped_column(String(64), unique=True)
    kept_through: Mapped[date]
    """The last day of the retention clock."""

    record_count: Mapped[int] = mapped_column(Integer)
    last_hash: Mapped[str] = mapped_column(String(64))
    """Hash of the last record of the chain; 64 zeros where there was none."""

    transaction_id: Mapped[int] = mapped_column(BigInteger)
    """The triggers allow deleting the person's rows in this transaction only."""


class ErasedRecord(AppendOnly, Base):
    """One link of an erased chain. Sealed hashes are compared with it once the record is gone."""

    __tablename__ = "erased_records"
    __rights__ = READ_ONLY

    record_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    """No foreign key: the record is gone."""

    erasure_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("erasures.id"), index=True)
    sequence: Mapped[int] = mapped_column(Integer)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))


class ErasedEvidence(AppendOnly, Base):
    """Sealed evidence whose text has changed or gone since, because a person was erased."""

    __tablename__ = "erased_evidence"
    __rights__ = READ_ONLY

    erasure_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("erasures.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    record_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    hash: Mapped[str | None] = mapped_column(String(64))
    """The hash of what is left; null if nothing is."""


Index("ix_erased_evidence_record_id", ErasedEvidence.record_id)
