"""The stored statuses: one for each person, requirement and range of days."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import (
    CTE,
    Date,
    Integer,
    String,
    Uuid,
    bindparam,
    delete,
    select,
    text,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY

from app.domain.compliance import ComplianceStatus
from app.models import ComplianceDay, CompliancePending, ComplianceSegment, SupersededSegment
from app.models.compliance.compliance_segment import Dimension
from app.repositories.base import Repository
from app.repositories.unnest import columns, unnesting

_COUNTS_LOCK = "hashtextextended('compliance counts', 0)"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A stored segment. Two are equal only if all of their fields are."""

    user_id: uuid.UUID
    requirement_id: uuid.UUID
    starts_on: date
    ends_on: date
    status: ComplianceStatus
    due_on: date | None
    valid_through: date | None
    met_by: uuid.UUID | None
    location_id: uuid.UUID | None
    department: str | None
    job_title: str | None
    place: int = 0

    @property
    def columns(self) -> tuple[object, ...]:
        return (
            *(self.user_id, self.requirement_id, self.starts_on, self.ends_on, self.status),
            *(self.due_on, self.valid_through, self.met_by, self.location_id),
            *(self.department, self.job_title, self.place),
        )


@dataclass(frozen=True, slots=True)
class CountChange:
    day: date
    dimension: Dimension
    key: str | None
    requirement_id: uuid.UUID
    status: ComplianceStatus


_INSERT = unnesting(
    """
    INSERT INTO compliance_segments (
        user_id, requirement_id, starts_on, ends_on, status, due_on, valid_through, met_by,
        location_id, department, job_title, place, known_from)
    SELECT * FROM {rows}
    """,
    *(Uuid(), Uuid(), Date(), Date(), String(), Date(), Date(), Uuid(), Uuid(), String()),
    *(String(), Integer(), Date()),
)

# Segments that were known for at least a day are kept as superseded. Segments that were written
# today are replaced without a trace.
_SUPERSEDE = unnesting(
    """
    WITH gone AS (
        DELETE FROM compliance_segments s
         USING {rows} AS gone (user_id, requirement_id, starts_on, place, day)
         WHERE s.user_id = gone.user_id AND s.requirement_id = gone.requirement_id
           AND s.starts_on = gone.starts_on AND s.place = gone.place
        RETURNING s.*, gone.day
    )
    INSERT INTO superseded_segments (
        user_id, requirement_id, starts_on, ends_on, status, due_on, valid_through, met_by,
        location_id, department, job_title, place, known_from, known_through)
    SELECT user_id, requirement_id, starts_on, ends_on, status, due_on, valid_through, met_by,
           location_id, department, job_title, place, known_from, day - 1
      FROM gone WHERE known_from < day
    """,
    *(Uuid(), Uuid(), Date(), Integer(), Date()),
)

_ADD_COUNTS = unnesting(
    """
    INSERT INTO compliance_counts (day, dimension, key, requirement_id, status, people)
    SELECT * FROM {rows}
    """,
    *(Date(), String(), String(), Uuid(), String(), Integer()),
)

_KEEP_DAYS = text(
    """
    WITH added AS (
        INSERT INTO compliance_days (day) SELECT unnest(:days)
        ON CONFLICT DO NOTHING RETURNING day
    )
    INSERT INTO compliance_counts (day, dimension, key, requirement_id, status, people)
    SELECT added.day, held.dimension, held.key, s.requirement_id, s.status, count(*)
      FROM added
      JOIN compliance_segments s ON added.day BETWEEN s.starts_on AND s.ends_on
     CROSS JOIN LATERAL (VALUES
           ('location', CAST(s.location_id AS text)), ('department', s.department),
           ('job_title', s.job_title)) AS held (dimension, key)
     WHERE s.place = 0
     GROUP BY 1, 2, 3, 4, 5
    UNION ALL
    SELECT added.day, 'also_' || held.dimension, held.key, s.requirement_id, s.status,
           count(DISTINCT s.user_id)
      FROM added
      JOIN compliance_segments s ON added.day BETWEEN s.starts_on AND s.ends_on
      JOIN compliance_segments f
        ON (f.user_id, f.requirement_id, f.starts_on, f.place)
           = (s.user_id, s.requirement_id, s.starts_on, 0)
     CROSS JOIN LATERAL (VALUES
           ('location', CAST(s.location_id AS text), CAST(f.location_id AS text)),
           ('department', s.department, f.department),
           ('job_title', s.job_title, f.job_title)) AS held (dimension, key, first)
     WHERE s.place > 0 AND held.key IS DISTINCT FROM held.first
     GROUP BY 1, 2, 3, 4, 5
    """
).bindparams(bindparam("days", type_=ARRAY(Date())))

# Only groups with more than one row, or a sum of zero. Rewriting the others would change nothing.
_ADD_UP = text(
    """
    WITH crowded AS (
        SELECT day, dimension, key, requirement_id, status
          FROM compliance_counts
         GROUP BY 1, 2, 3, 4, 5 HAVING count(*) > 1 OR sum(people) = 0
    ), gone AS (
        DELETE FROM compliance_counts c USING crowded k
         WHERE (c.day, c.dimension, c.requirement_id, c.status)
               = (k.day, k.dimension, k.requirement_id, k.status)
           AND c.key IS NOT DISTINCT FROM k.key
        RETURNING c.*
    )
    INSERT INTO compliance_counts (day, dimension, key, requirement_id, status, people)
    SELECT day, dimension, key, requirement_id, status, sum(people)
      FROM gone GROUP BY 1, 2, 3, 4, 5 HAVING sum(people) <> 0
    """
)


def known_segments(known_on: date) -> CTE:
    """Return a common table expression of the segments as they were known on a day.

    It has the same name as the table of today's segments, so that a statement which reads that
    table reads the expression instead. Within the expression the name still means the table.
    """
    columns = [column.key for column in ComplianceSegment.__table__.columns]
    known = select(*(getattr(ComplianceSegment, key) for key in columns)).where(
        ComplianceSegment.known_from <= known_on
    )
    superseded = select(*(getattr(SupersededSegment, key) for key in columns)).where(
        SupersededSegment.known_from <= known_on, SupersededSegment.known_through >= known_on
    )
    return union_all(known, superseded).cte(ComplianceSegment.__tablename__)


class ComplianceSegmentRepository(Repository[ComplianceSegment]):
    model = ComplianceSegment

    async def of_people(
        self, user_ids: Sequence[uuid.UUID], requirement_ids: Sequence[uuid.UUID]
    ) -> set[SegmentRow]:
        statement = select(
            ComplianceSegment.user_id,
            ComplianceSegment.requirement_id,
            ComplianceSegment.starts_on,
            ComplianceSegment.ends_on,
            ComplianceSegment.status,
            ComplianceSegment.due_on,
            ComplianceSegment.valid_through,
            ComplianceSegment.met_by,
            ComplianceSegment.location_id,
            ComplianceSegment.department,
            ComplianceSegment.job_title,
            ComplianceSegment.place,
        ).where(
            ComplianceSegment.user_id.in_(user_ids),
            ComplianceSegment.requirement_id.in_(requirement_ids),
        )
        return {SegmentRow(*row) for row in await self.session.execute(statement)}

    async def replace(
        self,
        gone: Iterable[SegmentRow],
        made: Iterable[SegmentRow],
        known_from: Mapping[uuid.UUID, date],
    ) -> None:
        """Replace the segments of people by new ones, known from the given day of each."""
        keys = [
            (row.user_id, row.requirement_id, row.starts_on, row.place, known_from[row.user_id])
            for row in gone
        ]
        if keys:
            await self.session.execute(_SUPERSEDE, columns(keys))
        rows = [(*row.columns, known_from[row.user_id]) for row in made]
        if rows:
            await self.session.execute(_INSERT, columns(rows))

    async def take_pending(self, user_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
        """Delete the pending completions of these people; return their modules."""
        statement = (
            delete(CompliancePending)
            .where(CompliancePending.user_id.in_(user_ids))
            .returning(CompliancePending.module_id)
            .execution_options(synchronize_session=False)
        )
        return set(await self.session.scalars(statement))

    async def people_pending(self, user_ids: Sequence[uuid.UUID] | None = None) -> list[uuid.UUID]:
        statement = select(CompliancePending.user_id).distinct()
        if user_ids is not None:
            statement = statement.where(CompliancePending.user_id.in_(user_ids))
        return list(await self.session.scalars(statement.order_by(CompliancePending.user_id)))

    async def kept_days(self) -> list[date]:
        """Return the days whose counts are stored; lock the list until the transaction ends."""
        await self.session.execute(text(f"SELECT pg_advisory_xact_lock_shared({_COUNTS_LOCK})"))
        return list(await self.session.scalars(select(ComplianceDay.day)))

    async def add_counts(self, changes: dict[CountChange, int]) -> None:
        rows = [
            (c.day, c.dimension, c.key, c.requirement_id, c.status, people)
            for c, people in changes.items()
            if people
        ]
        if rows:
            await self.session.execute(_ADD_COUNTS, columns(rows))

    async def keep_days(self, days: Sequence[date]) -> None:
        """Store the counts of these days alone, each reduced to one row."""
        await self.session.execute(text(f"SELECT pg_advisory_xact_lock({_COUNTS_LOCK})"))
        await self.session.execute(
            text("DELETE FROM compliance_days WHERE day <> ALL(:days)").bindparams(
                bindparam("days", type_=ARRAY(Date()))
            ),
            {"days": list(days)},
        )
        await self.session.execute(_KEEP_DAYS, {"days": list(days)})
        await self.session.execute(_ADD_UP)
