import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    String,
    Uuid,
    and_,
    bindparam,
    func,
    literal,
    null,
    or_,
    select,
    text,
    true,
    union,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from app.core.pagination import Page, PageRequest
from app.domain import compliance as facts
from app.domain.actor import Actor, Role
from app.domain.compliance.audience import PersonFacts
from app.domain.compliance.vocabulary import Vocabulary
from app.domain.people.display_name import display_name
from app.domain.people.place import Place
from app.models import (
    Department,
    DepartmentSpelling,
    EmploymentChange,
    JobTitle,
    JobTitleSpelling,
    Location,
    Merge,
    Position,
    User,
)
from app.models.people.merge import MergeStatus
from app.repositories.base import Orders, Repository

_LOCK_PEOPLE = text("SELECT lock_people(:user_ids)").bindparams(
    bindparam("user_ids", type_=ARRAY(Uuid()))
)

_STAFF_LOCK = "hashtextextended('compliance staff', 0)"

# Applies announced changes that have taken effect since, with the words as they are listed now. A
# word that is not found, because it is written in another way by now, stays the one that is held.
# Skipped until the next run are rows that are locked, people whose address or number another
# active person has by now, and admins if no admin would be left.
_TAKE_EFFECT = text(
    """
    WITH due AS (
        SELECT u.id, e.state, e.role, e.worker_kind, e.location_id, e.hired_on,
               d.id AS department_id,
               t.id AS job_title_id
          FROM users u
         CROSS JOIN LATERAL (
               SELECT e.state, e.role, e.worker_kind, e.location_id, e.department, e.job_title,
                      e.hired_on
                 FROM employment_changes e
                WHERE e.user_id = u.id
                  AND e.effective_on <= person_day(u.id)
                ORDER BY e.effective_on DESC, e.recorded_on DESC, e.created_at DESC, e.id DESC
                LIMIT 1) e
          LEFT JOIN LATERAL (
               SELECT d.id FROM departments d
                WHERE d.name = e.department
                UNION ALL
               SELECT s.word_id FROM department_spellings s
                WHERE s.written = e.department OR s.spelling = lower(e.department)
                UNION ALL
               SELECT u.department_id WHERE e.department IS NOT NULL
                LIMIT 1) d ON true
          LEFT JOIN LATERAL (
               SELECT s.word_id AS id FROM job_title_spellings s
                WHERE s.written = e.job_title OR s.spelling = lower(e.job_title)
                UNION ALL
               SELECT u.job_title_id WHERE e.job_title IS NOT NULL
                LIMIT 1) t ON true
         WHERE u.merged_into_id IS NULL
           AND (u.is_active, u.role, u.worker_kind, u.location_id, u.department_id, u.job_title_id,
                u.hired_on)
               IS DISTINCT FROM
               (e.state <> 'terminated', e.role, e.worker_kind, e.location_id, d.id,
                t.id, e.hired_on)
           AND (u.is_active OR e.state = 'terminated' OR NOT EXISTS (
               SELECT FROM users other
                WHERE other.is_active AND other.id <> u.id
                  AND (lower(other.email) = lower(u.email)
                       OR lower(other.employee_number) = lower(u.employee_number))))
           FOR NO KEY UPDATE OF u SKIP LOCKED
    ), admins AS (
        SELECT count(*) FROM users u LEFT JOIN due ON due.id = u.id
         WHERE CASE WHEN due.id IS NULL THEN u.is_active AND u.role = 'admin'
                    ELSE due.state <> 'terminated' AND due.role = 'admin' END
    )
    UPDATE users u
       SET is_active = due.state <> 'terminated', role = due.role, worker_kind = due.worker_kind,
           location_id = due.location_id, department_id = due.department_id,
           job_title_id = due.job_title_id, hired_on = due.hired_on,
           revision = revision + 1, updated_at = now()
      FROM due, admins
     WHERE due.id = u.id
       AND (admins.count > 0 OR u.role <> 'admin' OR NOT u.is_active
            OR due.role = 'admin' AND due.state <> 'terminated')
    RETURNING u.id
    """
)


# People who work there now, and people with an announced change that brings them there.
_EXPECTED_AT = text(
    """
    SELECT count(DISTINCT e.user_id)
      FROM employment_changes e JOIN users u ON u.id = e.user_id
     WHERE e.location_id = :location_id AND e.state <> 'terminated'
       AND NOT EXISTS (
           SELECT FROM employment_changes later
            WHERE later.user_id = e.user_id
              AND (later.effective_on > e.effective_on
                   AND later.effective_on <= person_day(u.id)
                OR later.effective_on = e.effective_on
                   AND (later.recorded_on, later.created_at, later.id)
                     > (e.recorded_on, e.created_at, e.id)))
    """
).bindparams(bindparam("location_id", type_=Uuid()))


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the directory, and into which it was merged when, if it was."""

    user_id: uuid.UUID
    location_id: uuid.UUID | None
    person_id: uuid.UUID
    """The entry under which the person goes on, after however many merges."""

    merged_into_id: uuid.UUID | None
    merged_on: date | None


EMPLOYMENT_ORDERS = Orders(
    "-created_at", EmploymentChange.id, created_at=EmploymentChange.created_at
)


class EmploymentRepository(Repository[EmploymentChange]):
    model = EmploymentChange

    async def today_of(self, user_id: uuid.UUID | None) -> date:
        """Return the calendar day that it is for a person: no day before what they have recorded.

        For the system itself it is the organisation's.
        """
        statement = select(func.person_day(user_id, type_=Date()))
        return (await self.session.execute(statement)).scalar_one()

    async def office_day_of(self, reader_id: uuid.UUID | None) -> date:
        """Return the calendar day at a reader's office, on which they look at other people.

        For whoever has no office, and for the system itself, it is the organisation's.
        """
        office = select(User.location_id).where(User.id == reader_id).scalar_subquery()
        statement = select(func.local_day(office, type_=Date()))
        return (await self.session.execute(statement)).scalar_one()

    async def todays_of(self, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, date]:
        """Return the calendar day that it is for each of these people."""
        today = func.person_day(User.id, type_=Date())
        rows = await self.session.execute(select(User.id, today).where(User.id.in_(user_ids)))
        return {row[0]: row[1] for row in rows}

    async def lock_people(self, user_ids: Sequence[uuid.UUID]) -> list[uuid.UUID]:
        """Let no other reconciliation of these people run until the transaction ends.

        Return them in order, with the entries under which those who were merged go on.
        """
        locked = await self.session.scalar(_LOCK_PEOPLE, {"user_ids": list(user_ids)})
        return list(locked)

    async def join_staff(self) -> None:
        """Make changes of rules, which list all staff, wait until this transaction ends."""
        await self.session.execute(text(f"SELECT pg_advisory_xact_lock_shared({_STAFF_LOCK})"))

    async def close_staff(self) -> None:
        """Make transactions that add staff wait until this one ends."""
        await self.session.execute(text(f"SELECT pg_advisory_xact_lock({_STAFF_LOCK})"))

    async def take_effect(self) -> list[uuid.UUID]:
        """Apply announced changes that have taken effect to `users`; return the people changed."""
        return list(await self.session.scalars(_TAKE_EFFECT))

    async def people(self) -> list[uuid.UUID]:
        return list(await self.session.scalars(select(User.id).order_by(User.id)))

    async def changers(self) -> list[uuid.UUID]:
        """Return the active people whose role lets them change more than what is their own."""
        statement = select(User.id).where(User.is_active, User.role != Role.LEARNER)
        return list(await self.session.scalars(statement.order_by(User.id)))

    async def headcount(self) -> int:
        statement = select(func.count()).where(User.is_active)
        return await self.session.scalar(statement) or 0

    async def expected_at(self, location_id: uuid.UUID) -> int:
        """Count the people who work at a location, or are to work there one day."""
        return await self.session.scalar(_EXPECTED_AT, {"location_id": location_id}) or 0

    async def names(self, user_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, tuple[str, str | None]]:
        """Return (display name, address, if there is one) of people."""
        statement = select(User.id, User.full_name, User.email).where(User.id.in_(user_ids))
        rows = await self.session.execute(statement)
        return {row[0]: (display_name(row[1], row[2]), row[2]) for row in rows}

    async def time_zones(self) -> dict[uuid.UUID | None, str]:
        """Return the zone of each location, and under None that of whoever has none."""
        homeless = select(null(), func.home_zone(type_=String()))
        rows = await self.session.execute(
            select(Location.id, Location.time_zone).union_all(homeless)
        )
        return {row[0]: row[1] for row in rows}

    async def zone_of(self, user_id: uuid.UUID) -> ZoneInfo:
        """Return the zone in which the person works."""
        zone = func.coalesce(Location.time_zone, func.home_zone())
        works = select(zone).select_from(User).outerjoin(Location, Location.id == User.location_id)
        return ZoneInfo((await self.session.execute(works.where(User.id == user_id))).scalar_one())

    async def vocabulary(self) -> Vocabulary:
        """Return what words are called today, and where locations are."""
        kinds = ((DepartmentSpelling, Department), (JobTitleSpelling, JobTitle))
        statements = [
            select(literal(number), spelling.spelling, word.name).join(
                word, word.id == spelling.word_id
            )
            for number, (spelling, word) in enumerate(kinds)
        ]
        names: tuple[dict[str, str], dict[str, str]] = ({}, {})
        for number, spelling, name in await self.session.execute(union_all(*statements)):
            names[number][spelling] = name
        rows = await self.session.execute(select(Location.id, Location.country, Location.state))
        places = {row[0]: Place(*row[1:]) for row in rows}
        return Vocabulary(*names, places)

    async def location_names(self) -> dict[str, str]:
        rows = await self.session.execute(select(Location.id, Location.name))
        return {str(row[0]): row[1] for row in rows}

    async def entries(self, user_ids: Sequence[uuid.UUID]) -> list[Entry]:
        """Return all entries of the people who have these."""
        person = func.coalesce(User.merged_into_id, User.id)
        asked = select(person.label("id")).where(User.id.in_(user_ids)).distinct().cte("asked")
        merged = select(User.id).join(asked, User.merged_into_id == asked.c.id)
        entries = union(select(asked.c.id), merged).subquery()
        into = and_(Merge.merged_id == User.id, Merge.status == MergeStatus.CONFIRMED)
        statement = (
            select(User.id, User.location_id, person, Merge.user_id, Merge.decided_on)
            .join(entries, entries.c.id == User.id)
            .outerjoin(Merge, into)
        )
        return [Entry(*row) for row in await self.session.execute(statement)]

    async def of_people(
        self, user_ids: Sequence[uuid.UUID]
    ) -> dict[uuid.UUID, list[facts.EmploymentChange]]:
        """Return the history of these people in the order in which it was recorded."""
        return await self._histories(EmploymentChange.user_id.in_(user_ids))

    async def known_to(self, actor: Actor, user_id: uuid.UUID) -> list[facts.EmploymentChange]:
        """Return as much of the history of a person as the actor may know."""
        known = await self._known_to(actor, user_id)
        return (await self._histories(EmploymentChange.user_id == user_id, known))[user_id]

    async def _known_to(self, actor: Actor, user_id: uuid.UUID) -> ColumnElement[bool]:
        """Leave out what somebody else has announced for a day to come, but not a first day."""
        if actor.sees_announced:
            return true()
        first = (
            select(EmploymentChange.id)
            .where(EmploymentChange.user_id == user_id)
            .order_by(EmploymentChange.created_at, EmploymentChange.id)
            .limit(1)
            .scalar_subquery()
        )
        return or_(
            EmploymentChange.effective_on <= await self.today_of(user_id),
            EmploymentChange.recorded_by_id == actor.id,
            EmploymentChange.id == first,
        )

    async def _histories(
        self, *conditions: ColumnElement[bool]
    ) -> dict[uuid.UUID, list[facts.EmploymentChange]]:
        statement = (
            select(
                EmploymentChange.user_id,
                EmploymentChange.effective_on,
                EmploymentChange.recorded_on,
                EmploymentChange.state,
                EmploymentChange.department,
                EmploymentChange.location_id,
                EmploymentChange.role,
                EmploymentChange.job_title,
                EmploymentChange.hired_on,
                EmploymentChange.worker_kind,
            )
            .where(*conditions)
            .order_by(EmploymentChange.created_at, EmploymentChange.id)
        )
        found: dict[uuid.UUID, list[facts.EmploymentChange]] = defaultdict(list)
        for row in await self.session.execute(statement):
            person = PersonFacts(row.user_id, *row[4:])
            found[row.user_id].append(facts.EmploymentChange(row[1], row[2], row[3], person))
        return found

    async def people_at(self, location_id: uuid.UUID) -> list[uuid.UUID]:
        """Return whoever works there, has worked there or is to work there."""
        worked = select(EmploymentChange.user_id).where(EmploymentChange.location_id == location_id)
        posted = select(Position.user_id).where(Position.location_id == location_id)
        return sorted(await self.session.scalars(union(worked, posted)))

    async def announced(
        self, user_id: uuid.UUID, after: date, knower: Actor | None = None
    ) -> list[EmploymentChange]:
        """Return the changes that take effect after a day; for each day the one recorded last.

        With `knower` of those that this person may know.
        """
        known = true() if knower is None else await self._known_to(knower, user_id)
        statement = (
            select(EmploymentChange)
            .ext(distinct_on(EmploymentChange.effective_on))
            .where(
                EmploymentChange.user_id == user_id, EmploymentChange.effective_on > after, known
            )
            .order_by(
                EmploymentChange.effective_on,
                EmploymentChange.recorded_on.desc(),
                EmploymentChange.created_at.desc(),
                EmploymentChange.id.desc(),
            )
        )
        return list(await self.session.scalars(statement))

    async def recorded(self, user_id: uuid.UUID) -> list[EmploymentChange]:
        """Return everything recorded about a person: of two changes for one day the later holds."""
        statement = (
            select(EmploymentChange)
            .where(EmploymentChange.user_id == user_id)
            .order_by(
                EmploymentChange.recorded_on, EmploymentChange.created_at, EmploymentChange.id
            )
        )
        return list(await self.session.scalars(statement))

    async def in_force(
        self, user_id: uuid.UUID, day: date, knower: Actor | None = None
    ) -> EmploymentChange | None:
        """Return what holds on a day; with `knower` as far as this person may know."""
        known = true() if knower is None else await self._known_to(knower, user_id)
        begun = EmploymentChange.effective_on <= day
        statement = (
            select(EmploymentChange)
            .where(EmploymentChange.user_id == user_id, begun, known)
            .order_by(
                EmploymentChange.effective_on.desc(),
                EmploymentChange.recorded_on.desc(),
                EmploymentChange.created_at.desc(),
                EmploymentChange.id.desc(),
            )
            .limit(1)
        )
        return (await self.session.scalars(statement)).one_or_none()

    async def list_of(
        self, user_id: uuid.UUID, actor: Actor, request: PageRequest
    ) -> Page[EmploymentChange]:
        """List what the actor may read: not what somebody else has announced for a day to come."""
        known = await self._known_to(actor, user_id)
        statement = select(EmploymentChange).where(EmploymentChange.user_id == user_id, known)
        return await self.page(statement, request, EMPLOYMENT_ORDERS)
