import uuid
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import date
from operator import attrgetter

from sqlalchemy import Date, Integer, String, Uuid, func, select

from app.domain import compliance as facts
from app.models import CertificationPeriod
from app.repositories.base import Repository
from app.repositories.unnest import columns, unnesting

PeriodKey = tuple[uuid.UUID, uuid.UUID, int]

_FIELDS = (
    CertificationPeriod.number,
    CertificationPeriod.cause,
    CertificationPeriod.window_start,
    CertificationPeriod.due_on,
    CertificationPeriod.outcome,
    CertificationPeriod.closed_on,
    CertificationPeriod.met_by,
    CertificationPeriod.met_on,
    CertificationPeriod.waived_by,
    CertificationPeriod.valid_from,
    CertificationPeriod.valid_through,
)

_values = attrgetter(*(field.name for field in fields(facts.CertificationPeriod)))

_WRITE = unnesting(
    """
    INSERT INTO certification_periods AS p (
        user_id, requirement_id, number, cause, window_start, due_on, outcome, closed_on, met_by,
        met_on, waived_by, valid_from, valid_through)
    SELECT * FROM {rows}
    ON CONFLICT (user_id, requirement_id, number) DO UPDATE
       SET cause = excluded.cause, window_start = excluded.window_start, due_on = excluded.due_on,
           outcome = excluded.outcome, closed_on = excluded.closed_on, met_by = excluded.met_by,
           met_on = excluded.met_on, waived_by = excluded.waived_by,
           valid_from = excluded.valid_from, valid_through = excluded.valid_through
    """,
    *(Uuid(), Uuid(), Integer(), String(), Date(), Date(), String(), Date(), Uuid(), Date()),
    *(Uuid(), Date(), Date()),
)

_SUPERSEDE = unnesting(
    """
    INSERT INTO superseded_periods (
        id, user_id, requirement_id, number, cause, window_start, due_on, outcome, closed_on,
        met_by, met_on, waived_by, valid_from, valid_through, created_at, superseded_on)
    SELECT p.id, p.user_id, p.requirement_id, p.number, p.cause, p.window_start, p.due_on,
           p.outcome, p.closed_on, p.met_by, p.met_on, p.waived_by, p.valid_from,
           p.valid_through, p.created_at, gone.day
      FROM certification_periods p
      JOIN {rows} AS gone (user_id, requirement_id, number, day)
        ON p.user_id = gone.user_id AND p.requirement_id = gone.requirement_id
       AND p.number = gone.number
    """,
    *(Uuid(), Uuid(), Integer(), Date()),
)

_REMOVE = unnesting(
    """
    DELETE FROM certification_periods p
     USING {rows} AS gone (user_id, requirement_id, number)
     WHERE p.user_id = gone.user_id AND p.requirement_id = gone.requirement_id
       AND p.number = gone.number
    """,
    *(Uuid(), Uuid(), Integer()),
)


class CertificationPeriodRepository(Repository[CertificationPeriod]):
    model = CertificationPeriod

    async def of_people(
        self, user_ids: Sequence[uuid.UUID], requirement_ids: Sequence[uuid.UUID]
    ) -> dict[PeriodKey, facts.CertificationPeriod]:
        statement = select(
            CertificationPeriod.user_id, CertificationPeriod.requirement_id, *_FIELDS
        ).where(
            CertificationPeriod.user_id.in_(user_ids),
            CertificationPeriod.requirement_id.in_(requirement_ids),
        )
        rows = await self.session.execute(statement)
        return {(row[0], row[1], row.number): facts.CertificationPeriod(*row[2:]) for row in rows}

    async def write(self, periods: dict[PeriodKey, facts.CertificationPeriod]) -> None:
        """Insert new periods and replace open ones; the database refuses to replace others."""
        if periods:
            rows = [(key[0], key[1], *_values(period)) for key, period in periods.items()]
            await self.session.execute(_WRITE, columns(rows))

    async def supersede(
        self, keys: Sequence[PeriodKey], known_from: Mapping[uuid.UUID, date]
    ) -> None:
        """Move closed periods that a late fact contradicts to `superseded_periods`."""
        if keys:
            rows = [(*key, known_from[key[0]]) for key in keys]
            await self.session.execute(_SUPERSEDE, columns(rows))
            await self.remove(keys)

    async def remove(self, keys: Sequence[PeriodKey]) -> None:
        if keys:
            await self.session.execute(_REMOVE, columns(keys))

    async def valid_through(self, record_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, date | None]:
        """Return, for each record, the earliest `valid_through` of the periods that it met.

        None means that it does not expire. A record that met nothing is absent.
        """
        statement = (
            select(CertificationPeriod.met_by, func.min(CertificationPeriod.valid_through))
            .where(CertificationPeriod.met_by.in_(record_ids))
            .group_by(CertificationPeriod.met_by)
        )
        rows = await self.session.execute(statement)
        return {row[0]: row[1] for row in rows if row[0]}
