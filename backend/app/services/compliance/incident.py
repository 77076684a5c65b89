"""Incidents: who has to train again, by when, and what is done so that it does not recur.

Nothing of one is ever edited. An entry made by mistake is withdrawn, which adds a row.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from app.core.errors import (
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidPayloadError,
    NotFoundError,
)
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.audit import AuditAction
from app.domain.compliance.hindsight import was_employed
from app.domain.compliance.incident import completion_faults, faults
from app.models import (
    CorrectiveStep,
    CorrectiveStepCompletion,
    Incident,
    IncidentPerson,
    IncidentWithdrawal,
)
from app.repositories.compliance.incident import IncidentFilter, IncidentRow, StepRow
from app.schemas.base import ListOf
from app.schemas.compliance.incident import (
    CorrectiveStepRead,
    IncidentCreate,
    IncidentRead,
    IncidentWithdraw,
    StepComplete,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile
from app.services.unit_of_work import UnitOfWork


class IncidentWithdrawnError(ConflictError):
    code = "incident_withdrawn"
    title = "This incident was withdrawn already"


class OwnIncidentError(ForbiddenError):
    code = "own_incident"
    detail = "Somebody else has to withdraw an incident that names you."


class OthersIncidentError(ForbiddenError):
    code = "incident_of_others"
    detail = "The incident names people whom you do not manage."


class StepDoneError(ConflictError):
    code = "step_done"
    title = "This step was completed already"


class IncidentService(Service):
    async def list(self, filters: IncidentFilter, request: PageRequest) -> ListOf[IncidentRead]:
        async with self.reading() as uow:
            await self.see_all(uow, filters.user_ids)
            page = await uow.incidents.list_visible(self.actor, filters, request)
            reads = {row.incident.id: row for row in page.items}
            people = await uow.incidents.people(reads, self.actor)
            steps = await uow.incidents.steps(reads)
            return listed(
                page,
                lambda row: _read(
                    row, people.get(row.incident.id, []), steps.get(row.incident.id, [])
                ),
            )

    async def get(self, incident_id: uuid.UUID) -> Answer[IncidentRead]:
        async with self.reading() as uow:
            return await self._answer(uow, incident_id)

    async def record(self, payload: IncidentCreate) -> Answer[IncidentRead]:
        """Record what happened; from its day on the people have to train again."""
        async with self.work() as uow:
            todays = await uow.employment.todays_of(payload.user_ids)
            await self._check(uow, payload, todays)
            incident = await uow.incidents.add(
                Incident(
                    kind=payload.kind,
                    day=payload.day,
                    location_id=payload.location_id,
                    requirement_id=payload.requirement_id,
                    retrain_by=payload.retrain_by,
                    description=payload.description,
                    recorded_by_id=self.actor.id,
                )
            )
            await uow.incidents.add_parts(
                [
                    IncidentPerson(
                        incident_id=incident.id,
                        user_id=user_id,
                        recorded_on=todays[user_id],
                    )
                    for user_id in payload.user_ids
                ],
                [
                    CorrectiveStep(
                        incident_id=incident.id,
                        recorded_by_id=self.actor.id,
                        **step.model_dump(),
                    )
                    for step in payload.steps
                ],
            )
            after = payload.model_dump(mode="json", exclude={"description", "steps"})
            await uow.audit(AuditAction.INCIDENT_RECORDED, incident, after=after)
            await reconcile(uow, sorted(payload.user_ids), [payload.requirement_id])
            return await uow.answer(await self._answer(uow, incident.id, created=True))

    async def withdraw(
        self, incident_id: uuid.UUID, payload: IncidentWithdraw
    ) -> Answer[IncidentRead]:
        """Say that it was entered by mistake; nobody has to train for it any more."""
        async with self.work() as uow:
            row = await self._standing(uow, incident_id)
            people = await self._answers_for(uow, incident_id)
            if self.actor.is_one_of(people):
                raise OwnIncidentError
            day = await uow.requirements.organisation_day()
            await uow.incidents.withdraw(
                IncidentWithdrawal(
                    incident_id=incident_id,
                    recorded_on=day,
                    reason=payload.reason,
                    withdrawn_by_id=self.actor.id,
                )
            )
            after = {"withdrawn_on": day}
            await uow.audit(AuditAction.INCIDENT_WITHDRAWN, row.incident, after=after)
            await reconcile(uow, people, [row.incident.requirement_id])
            return await uow.answer(await self._answer(uow, incident_id))

    async def complete_step(
        self, incident_id: uuid.UUID, step_id: uuid.UUID, payload: StepComplete
    ) -> Answer[IncidentRead]:
        async with self.work() as uow:
            row = await self._standing(uow, incident_id)
            steps = (await uow.incidents.steps([incident_id])).get(incident_id, [])
            step = next((each for each in steps if each.step.id == step_id), None)
            if step is None:
                raise NotFoundError("corrective_step")
            if step.done_on is not None:
                raise StepDoneError
            if not self.actor.is_one_of([step.step.owner_id]):
                await self._answers_for(uow, incident_id)
            today = await uow.requirements.organisation_day()
            if errors := [*completion_faults(payload.done_on, row.incident.day, today)]:
                raise InvalidPayloadError(errors)
            await uow.incidents.complete(
                CorrectiveStepCompletion(
                    step_id=step_id,
                    done_on=payload.done_on,
                    note=payload.note,
                    recorded_by_id=self.actor.id,
                )
            )
            after = {"step_id": step_id, "done_on": payload.done_on}
            await uow.audit(AuditAction.INCIDENT_STEP_COMPLETED, row.incident, after=after)
            return await uow.answer(await self._answer(uow, incident_id))

    async def _standing(self, uow: UnitOfWork, incident_id: uuid.UUID) -> IncidentRow:
        """Return an incident that was not withdrawn, nor is until this transaction ends."""
        await uow.incidents.lock(incident_id)
        row = found(await uow.incidents.get_visible(incident_id, self.actor), "incident")
        if row.withdrawn_on is not None:
            raise IncidentWithdrawnError
        return row

    async def _answers_for(self, uow: UnitOfWork, incident_id: uuid.UUID) -> Sequence[uuid.UUID]:
        """Return everybody whom an incident names, if the actor answers for all of them."""
        people = (await uow.incidents.people([incident_id]))[incident_id]
        seen = await uow.users.visible_ids(people, self.actor)
        if len(seen) < len(people) or not self.actor.may(Permission.INCIDENTS_WRITE):
            raise OthersIncidentError
        return people

    async def _check(
        self, uow: UnitOfWork, payload: IncidentCreate, todays: Mapping[uuid.UUID, date]
    ) -> None:
        days = list(todays.values()) or [await uow.requirements.organisation_day()]
        due_on = [step.due_on for step in payload.steps]
        errors = [*faults(payload.day, payload.retrain_by, due_on, days)]
        errors = errors or [*await self._faults_of_people(uow, payload, todays)]
        errors += await self._faults_of_owners(uow, {step.owner_id for step in payload.steps})
        if not await uow.exemptions.requirement_exists(payload.requirement_id):
            errors.append(_absent("/requirement_id", "unknown_requirement"))
        places = await uow.employment.time_zones()
        if payload.location_id is not None and payload.location_id not in places:
            errors.append(_absent("/location_id", "unknown_location"))
        if errors:
            raise InvalidPayloadError(errors)

    async def _faults_of_people(
        self, uow: UnitOfWork, payload: IncidentCreate, todays: Mapping[uuid.UUID, date]
    ) -> Sequence[FieldError]:
        named = payload.user_ids
        if len(await uow.users.visible_ids(named, self.actor)) < len(named):
            return [_absent("/user_ids", "unknown_user")]
        jobs = await uow.employment.of_people(named)
        if all(was_employed(jobs[each], payload.day, todays[each]) for each in named):
            return []
        return [FieldError("/user_ids", "not_employed", "Not everybody worked here on that day")]

    async def _faults_of_owners(
        self, uow: UnitOfWork, owners: Collection[uuid.UUID]
    ) -> Sequence[FieldError]:
        if len(await uow.users.visible_ids(list(owners), self.actor)) < len(owners):
            return [_absent("/steps", "unknown_user")]
        if await uow.users.closed_ids(owners):
            return [FieldError("/steps", "person_left", "Some have left")]
        if await uow.users.without(Permission.INCIDENTS_WRITE, owners):
            message = "Steps are for managers, compliance officers and admins"
            return [FieldError("/steps", "owner_without_access", message)]
        return []

    async def _answer(
        self, uow: UnitOfWork, incident_id: uuid.UUID, *, created: bool = False
    ) -> Answer[IncidentRead]:
        row = found(await uow.incidents.get_visible(incident_id, self.actor), "incident")
        people = await uow.incidents.people([incident_id], self.actor)
        steps = await uow.incidents.steps([incident_id])
        read = _read(row, people.get(incident_id, []), steps.get(incident_id, []))
        return Answer(read, created)


def _absent(pointer: str, code: str) -> FieldError:
    return FieldError(pointer, code, "Not everything that is named exists")


def _read(row: IncidentRow, people: list[uuid.UUID], steps: list[StepRow]) -> IncidentRead:
    incident = row.incident
    return IncidentRead(
        id=incident.id,
        kind=incident.kind,
        day=incident.day,
        location_id=incident.location_id,
        requirement_id=incident.requirement_id,
        retrain_by=incident.retrain_by,
        description=incident.description,
        recorded_by_id=incident.recorded_by_id,
        created_at=incident.created_at,
        withdrawn_on=row.withdrawn_on,
        withdrawal_reason=row.withdrawal_reason,
        user_ids=people,
        steps=[_step(each) for each in steps],
    )


def _step(row: StepRow) -> CorrectiveStepRead:
    step = row.step
    return CorrectiveStepRead(
        id=step.id,
        step=step.step,
        owner_id=step.owner_id,
        due_on=step.due_on,
        done_on=row.done_on,
        note=row.note,
    )
