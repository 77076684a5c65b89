import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Date, Select, Uuid, func, literal, or_, select, update
from sqlalchemy.orm import aliased

from app.domain.compliance import EmploymentState
from app.domain.evidence.retention import RetentionClass
from app.models import (
    Attendance,
    EmploymentChange,
    ErasedRecord,
    Erasure,
    ExternalEvidence,
    LiveSession,
    ModuleTeaching,
    RequirementVersion,
    RetentionPeriod,
    SealedRecord,
    TrainingRecord,
    User,
)
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.models.evidence.live_session import AttendanceStatus
from app.repositories.base import Repository

ERASE = "erase_person(uuid, text, date)"
Subject = uuid.UUID | str
"""The subject of evidence: the id of a module, or a kind of credential."""


_ENTRY = aliased(User)


@dataclass(frozen=True, slots=True)
class Leaver:
    """`left_on` is the last day of employment; None where it is not known."""

    user_id: uuid.UUID
    full_name: str | None
    left_on: date | None


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    user_id: uuid.UUID
    subject: Subject
    last_in_effect: date
    is_record: bool = False


class RetentionRepository(Repository[RetentionPeriod]):
    model = RetentionPeriod

    async def periods(self) -> dict[RetentionClass, RetentionPeriod]:
        rows = await self.session.scalars(select(RetentionPeriod))
        return {row.retention_class: row for row in rows}

    async def period(
        self, retention_class: RetentionClass, *, lock: bool = False
    ) -> RetentionPeriod | None:
        statement = select(RetentionPeriod).where(
            RetentionPeriod.retention_class == retention_class
        )
        if lock:
            statement = statement.with_for_update()
        return (await self.session.scalars(statement)).one_or_none()

    async def classes(self) -> dict[Subject, set[RetentionClass]]:
        """Return every retention class that a module or kind of credential ever had, by subject."""
        found: dict[Subject, set[RetentionClass]] = defaultdict(set)
        for rule in await self.session.scalars(select(RequirementVersion.rule)):
            if rule is None:
                continue
            kept = RetentionClass(rule.get("retention_class", RetentionClass.STANDARD))
            subject = rule["subject"]
            for module_id in subject.get("any_of", ()):
                found[uuid.UUID(str(module_id))].add(kept)
            if "credential_kind" in subject:
                found[subject["credential_kind"]].add(kept)
        statement = select(ModuleTeaching.module_id, ModuleTeaching.retention_class)
        for module_id, named in await self.session.execute(statement):
            if named is not None:
                found[module_id].add(named)
        return found

    async def leavers(self, after: uuid.UUID | None, limit: int) -> list[Leaver]:
        """Return the next people who have left and are not erased, in the order of their ids."""
        statement = _leavers().order_by(User.id).limit(limit)
        if after is not None:
            statement = statement.where(User.id > after)
        return [Leaver(*row) for row in await self.session.execute(statement)]

    async def leaver(self, user_id: uuid.UUID, *, lock: bool = False) -> Leaver | None:
        if lock:
            await self.session.execute(select(User.id).where(User.id == user_id).with_for_update())
        statement = _leavers().where(User.id == user_id)
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else Leaver(*row)

    async def evidence(self, user_ids: Sequence[uuid.UUID]) -> list[KeptEvidence]:
        records = await self.session.execute(_records().where(TrainingRecord.user_id.in_(user_ids)))
        attendances = await self.session.execute(
            _attendances().where(Attendance.user_id.in_(user_ids))
        )
        external = await self.session.execute(
            _external_evidence().where(ExternalEvidence.user_id.in_(user_ids))
        )
        return [
            *(KeptEvidence(*row, is_record=True) for row in records),
            *(KeptEvidence(*row) for row in attendances),
            *(
                KeptEvidence(user_id, module_id or kind or "", last)
                for user_id, module_id, kind, last in external
            ),
        ]

    async def may_erase(self) -> bool:
        statement = select(func.has_function_privilege(ERASE, "EXECUTE"))
        return bool(await self.session.scalar(statement))

    async def is_erased(self, user_id: uuid.UUID) -> bool:
        statement = select(Erasure.id).where(Erasure.user_id == user_id)
        return await self.session.scalar(statement) is not None

    async def merged_into(self, user_id: uuid.UUID) -> list[uuid.UUID]:
        """Return the other entries of a person, which are erased with theirs and never alone."""
        statement = select(User.id).where(User.merged_into_id == user_id).order_by(User.id)
        return list(await self.session.scalars(statement))

    async def account_of(self, user_id: uuid.UUID) -> uuid.UUID | None:
        return await self.session.scalar(select(User.supabase_id).where(User.id == user_id))

    async def unlink(self, user_id: uuid.UUID, account_id: uuid.UUID) -> None:
        """Unlink the account of a person who is to be erased; erasing requires it."""
        statement = update(User).where(User.id == user_id, User.supabase_id == account_id)
        await self.session.execute(statement.values(supabase_id=None))

    async def erase(self, user_id: uuid.UUID, pseudonym: str, kept_through: date) -> uuid.UUID:
        """Erase a person for good; only the owner of the schema may.

        The database refuses it for active people, under a legal hold, and before the clock.
        """
        statement = select(func.erase_person(user_id, pseudonym, kept_through, type_=Uuid()))
        return (await self.session.execute(statement)).scalar_one()

    async def sealed_count(self, erasure_id: uuid.UUID) -> int:
        """Return how many links of an erased chain a seal covers with the same hash."""
        statement = (
            select(func.count())
            .select_from(ErasedRecord)
            .join(
                SealedRecord,
                (SealedRecord.record_id == ErasedRecord.record_id)
                & (SealedRecord.kind == TrainingRecord.__tablename__)
                & (SealedRecord.record_hash == ErasedRecord.hash),
            )
            .where(ErasedRecord.erasure_id == erasure_id)
        )
        return await self.session.scalar(statement) or 0

    async def has_records(self, user_id: uuid.UUID) -> bool:
        statement = select(TrainingRecord.id).where(TrainingRecord.user_id == user_id).limit(1)
        return await self.session.scalar(statement) is not None

    async def erasures(self) -> list[Erasure]:
        return list(await self.session.scalars(select(Erasure).order_by(Erasure.user_id)))

    async def erased_links(self, erasure_id: uuid.UUID) -> list[ErasedRecord]:
        statement = (
            select(ErasedRecord)
            .where(ErasedRecord.erasure_id == erasure_id)
            .order_by(ErasedRecord.sequence)
        )
        return list(await self.session.scalars(statement))


def _leavers() -> Select[uuid.UUID, str | None, date | None]:
    ended = (
        select(func.max(EmploymentChange.effective_on) - literal(1))
        .join(_ENTRY, _ENTRY.id == EmploymentChange.user_id)
        .where(
            or_(_ENTRY.id == User.id, _ENTRY.merged_into_id == User.id),
            EmploymentChange.state == EmploymentState.TERMINATED,
        )
        .scalar_subquery()
    )
    erased = select(Erasure.id).where(Erasure.user_id == User.id).exists()
    own = User.merged_into_id.is_(None)
    return select(User.id, User.full_name, ended).where(~User.is_active, own, ~erased)


def _records() -> Select[uuid.UUID, uuid.UUID, date]:
    return select(TrainingRecord.user_id, TrainingRecord.module_id, TrainingRecord.local_date)


def _external_evidence() -> Select[uuid.UUID, uuid.UUID | None, str | None, date]:
    last = func.greatest(ExternalEvidence.completed_on, ExternalEvidence.printed_expiry)
    return select(
        ExternalEvidence.user_id, ExternalEvidence.module_id, ExternalEvidence.credential_kind, last
    ).where(ExternalEvidence.status == ExternalEvidenceStatus.VERIFIED)


def _attendances() -> Select[uuid.UUID, uuid.UUID, date]:
    day = func.timezone("UTC", LiveSession.starts_at).cast(Date)
    return (
        select(Attendance.user_id, LiveSession.module_id, day)
        .join(LiveSession, LiveSession.id == Attendance.session_id)
        .where(Attendance.status == AttendanceStatus.ATTENDED)
    )
