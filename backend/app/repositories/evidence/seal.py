import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Integer, Interval, String, Uuid, bindparam, select, text

from app.core.pagination import Page, PageRequest
from app.models import RecordSeal
from app.models.types import Json
from app.repositories.base import Orders, Repository

_SEAL = text("SELECT * FROM seal_records(:limit, :actor_id, :request_id)").bindparams(
    bindparam("limit", type_=Integer()),
    bindparam("actor_id", type_=Uuid()),
    bindparam("request_id", type_=String()),
)

_LEAVES = text(
    """
    SELECT s.kind, s.record_id, s.record_hash, found.hash, found.recorded_at,
           erased.id IS NOT NULL, erased.hash
      FROM sealed_records s
      LEFT JOIN LATERAL evidence_hash(s.kind, s.record_id) found ON true
      LEFT JOIN LATERAL (
           SELECT r.id, e.hash
             FROM erased_evidence e JOIN erasures r ON r.id = e.erasure_id
            WHERE e.record_id = s.record_id AND e.kind = s.kind
            ORDER BY r.created_at DESC LIMIT 1) erased ON true
     WHERE s.seal_id = :seal_id
     ORDER BY s.position
    """
).bindparams(bindparam("seal_id", type_=Uuid()))

_UNSEALED = text("SELECT count(*) FROM unsealed_evidence() WHERE NOT of_sealing")

TRAIL = "audit_trail"
LATEST_COMMIT = timedelta(hours=1)
"""Transactions that write evidence have ended by then. As seals take the oldest evidence first,
what is older than this and has no seal was added afterwards."""

_LATE = text(
    """
    SELECT kind, id
      FROM unsealed_evidence()
     WHERE recorded_at < CAST(CAST(:through AS jsonb) ->> covers AS timestamptz)
                         - CAST(:latest_commit AS interval)
     ORDER BY recorded_at, id LIMIT 1
    """
).bindparams(
    bindparam("through", type_=Json), bindparam("latest_commit", LATEST_COMMIT, Interval())
)

_UNRECORDED = text(
    """
    SELECT e.id
      FROM enrollments e
     WHERE e.status = 'completed'
       AND NOT EXISTS (SELECT FROM training_records t WHERE t.enrollment_id = e.id)
       AND NOT EXISTS (SELECT FROM erasures x WHERE x.user_id = e.user_id)
     ORDER BY e.id LIMIT 1
    """
)
_INCOMPLETE = text(
    """
    SELECT t.id
      FROM training_records t JOIN enrollments e ON e.id = t.enrollment_id
     WHERE (e.status, e.user_id, e.version_id, e.completed_at)
           IS DISTINCT FROM ('completed', t.user_id, t.version_id, t.completed_at)
     ORDER BY t.id LIMIT 1
    """
)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A piece of evidence that a seal covers, as it was when it was sealed and as it is now."""

    kind: str
    id: uuid.UUID
    sealed_hash: str
    hash: str | None
    """None if the row is gone; then `recorded_at` is None too."""

    recorded_at: datetime | None
    is_erased: bool
    erased_hash: str | None
    """The hash of what an erasure has left of it; None if nothing is left."""

    @property
    def holds(self) -> bool:
        return self.hash == (self.erased_hash if self.is_erased else self.sealed_hash)

    @property
    def covers(self) -> str:
        return TRAIL if self.kind in {"audit_events", "record_seals"} else self.kind


SEAL_ORDERS = Orders("-number", RecordSeal.id, number=RecordSeal.number)


class SealRepository(Repository[RecordSeal]):
    model = RecordSeal

    async def list_all(self, request: PageRequest) -> Page[RecordSeal]:
        """List the newest first."""
        return await self.page(select(RecordSeal), request, SEAL_ORDERS)

    async def all(self) -> list[RecordSeal]:
        return list(await self.session.scalars(select(RecordSeal).order_by(RecordSeal.number)))

    async def seal(
        self, limit: int, *, actor_id: uuid.UUID | None, request_id: str | None
    ) -> RecordSeal | None:
        """Seal the oldest evidence without a seal, with the audit event; None if there is none."""
        made = select(RecordSeal).from_statement(_SEAL)
        parameters = {"limit": limit, "actor_id": actor_id, "request_id": request_id}
        return (await self.session.scalars(made, parameters)).one_or_none()

    async def leaves(self, seal_id: uuid.UUID) -> list[Leaf]:
        """Return what a seal covers, in the order of its tree."""
        return [Leaf(*row) for row in await self.session.execute(_LEAVES, {"seal_id": seal_id})]

    async def unsealed_count(self) -> int:
        return int(await self.session.scalar(_UNSEALED) or 0)

    async def late(self, through: Mapping[str, datetime | None]) -> tuple[str, uuid.UUID] | None:
        """Return evidence without a seal that is older than what seals cover up to these times."""
        times = {covers: time and time.isoformat() for covers, time in through.items()}
        row = (await self.session.execute(_LATE, {"through": times})).one_or_none()
        return None if row is None else (row.kind, row.id)

    async def unrecorded_completion(self) -> uuid.UUID | None:
        """Return a completed enrollment without a record."""
        return (await self.session.execute(_UNRECORDED)).scalar_one_or_none()

    async def record_of_no_completion(self) -> uuid.UUID | None:
        """Return a record that contradicts its enrollment."""
        return (await self.session.execute(_INCOMPLETE)).scalar_one_or_none()
