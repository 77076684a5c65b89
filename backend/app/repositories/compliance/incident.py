import uuid
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select, true

from app.core.pagination import Page, PageRequest
from app.domain import compliance as facts
from app.domain.actor import Actor, Permission
from app.models import (
    CorrectiveStep,
    CorrectiveStepCompletion,
    Incident,
    IncidentPerson,
    IncidentWithdrawal,
)
from app.repositories.base import Orders, Repository, any_of
from app.repositories.compliance.exemption import PersonAndRequirement
from app.repositories.people.visibility import any_persons, owner_visible_to


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    user_ids: tuple[uuid.UUID, ...] = ()
    requirement_ids: tuple[uuid.UUID, ...] = ()


INCIDENT_ORDERS = Orders("-created_at", Incident.id, created_at=Incident.created_at)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident and, where it was withdrawn, the day and the reason."""

    incident: Incident
    withdrawn_on: date | None
    withdrawal_reason: str | None


@dataclass(frozen=True, slots=True)
class StepRow:
    step: CorrectiveStep
    done_on: date | None
    note: str | None


class IncidentRepository(Repository[Incident]):
    model = Incident

    async def lock(self, incident_id: uuid.UUID) -> None:
        """Let one transaction at a time withdraw an incident or complete a step of it."""
        # The row itself cannot be locked by the API, which may not update what is append-only.
        key = func.hashtextextended(f"incident {incident_id}", 0)
        await self.session.execute(select(func.pg_advisory_xact_lock(key)))

    async def get_visible(self, incident_id: uuid.UUID, actor: Actor) -> IncidentRow | None:
        statement = _rows().where(Incident.id == incident_id, _visible_to(actor))
        row = (await self.session.execute(statement)).one_or_none()
        return None if row is None else IncidentRow(*row)

    async def list_visible(
        self, actor: Actor, filters: IncidentFilter, request: PageRequest
    ) -> Page[IncidentRow]:
        """List what the actor may see, the latest first."""
        criteria = [
            _visible_to(actor),
            *any_of(Incident.requirement_id, filters.requirement_ids),
        ]
        if filters.user_ids:
            named = select(IncidentPerson.incident_id).where(
                *any_persons(IncidentPerson.user_id, filters.user_ids)
            )
            criteria.append(Incident.id.in_(named))
        statement = _rows().where(*criteria)
        return await self.page_of(IncidentRow, statement, request, INCIDENT_ORDERS)

    async def add_parts(
        self, people: Sequence[IncidentPerson], steps: Sequence[CorrectiveStep]
    ) -> None:
        self.session.add_all([*people, *steps])
        await self.session.flush()

    async def people(
        self, incident_ids: Collection[uuid.UUID], actor: Actor | None = None
    ) -> dict[uuid.UUID, list[uuid.UUID]]:
        """Return the people named whom the actor may see; without an actor, all of them."""
        seen = true() if actor is None else owner_visible_to(actor, IncidentPerson.user_id)
        statement = (
            select(IncidentPerson.incident_id, IncidentPerson.user_id)
            .where(IncidentPerson.incident_id.in_(incident_ids), seen)
            .order_by(IncidentPerson.user_id)
        )
        found: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
        for incident_id, user_id in await self.session.execute(statement):
            found[incident_id].append(user_id)
        return found

    async def steps(self, incident_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[StepRow]]:
        statement = (
            select(CorrectiveStep, CorrectiveStepCompletion.done_on, CorrectiveStepCompletion.note)
            .outerjoin(
                CorrectiveStepCompletion, CorrectiveStepCompletion.step_id == CorrectiveStep.id
            )
            .where(CorrectiveStep.incident_id.in_(incident_ids))
            .order_by(CorrectiveStep.due_on, CorrectiveStep.id)
        )
        found: dict[uuid.UUID, list[StepRow]] = defaultdict(list)
        for row in await self.session.execute(statement):
            found[row[0].incident_id].append(StepRow(*row))
        return found

    async def withdraw(self, withdrawal: IncidentWithdrawal) -> None:
        self.session.add(withdrawal)
        await self.session.flush()

    async def complete(self, completion: CorrectiveStepCompletion) -> None:
        self.session.add(completion)
        await self.session.flush()

    async def of_people(
        self, user_ids: Sequence[uuid.UUID]
    ) -> dict[PersonAndRequirement, list[facts.Incident]]:
        """Return the incidents that ever named these people, by person and requirement."""
        statement = (
            select(
                IncidentPerson.user_id,
                Incident.requirement_id,
                Incident.id,
                Incident.day,
                Incident.retrain_by,
                IncidentPerson.recorded_on,
                IncidentWithdrawal.recorded_on,
            )
            .join(Incident, Incident.id == IncidentPerson.incident_id)
            .outerjoin(IncidentWithdrawal, IncidentWithdrawal.incident_id == Incident.id)
            .where(IncidentPerson.user_id.in_(user_ids))
            .order_by(Incident.day, Incident.id)
        )
        found: dict[PersonAndRequirement, list[facts.Incident]] = defaultdict(list)
        for row in await self.session.execute(statement):
            found[row[0], row[1]].append(facts.Incident(*row[2:]))
        return found


def _visible_to(actor: Actor) -> ColumnElement[bool]:
    """Match what gives the actor something to do, or names anybody for whom the actor answers."""
    if actor.sees_everybody:
        return true()
    to_do = Incident.id.in_(
        select(CorrectiveStep.incident_id).where(CorrectiveStep.owner_id.in_(actor.entry_ids))
    )
    if not actor.may(Permission.INCIDENTS_WRITE):
        return to_do
    named = select(IncidentPerson.incident_id).where(
        owner_visible_to(actor, IncidentPerson.user_id)
    )
    return or_(Incident.id.in_(named), to_do)


def _rows() -> Select[Incident, date | None, str | None]:
    return select(Incident, IncidentWithdrawal.recorded_on, IncidentWithdrawal.reason).outerjoin(
        IncidentWithdrawal, IncidentWithdrawal.incident_id == Incident.id
    )
