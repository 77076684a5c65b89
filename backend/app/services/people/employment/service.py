"""Leave, termination, rehire and transfer, on the day that they take effect."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import date
from functools import partial
from itertools import takewhile
from typing import Any

from pydantic import MISSING

from app.core.database import Database
from app.core.errors import ConflictError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.actor import Permission
from app.domain.audit import AuditAction
from app.domain.compliance import EmploymentState
from app.domain.people.hire import hire_fault
from app.domain.people.leave import is_long_ago
from app.domain.people.termination import Recorded, Restored, without_termination
from app.integrations.auth_admin import AuthAdmin
from app.models import EmploymentChange, User
from app.schemas.base import ListOf
from app.schemas.people.employment import (
    EmploymentRead,
    LeaveCreate,
    MoveRead,
    RehireCreate,
    ReturnCreate,
    TerminationCreate,
    TerminationVoid,
    TransferCreate,
)
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.context import RequestContext
from app.services.people.account_sync import forget_lost_account, lost_account
from app.services.people.employment.effect import ATTRIBUTES, take_effect
from app.services.people.employment.errors import (
    LocationDeletedError,
    LongAgoError,
    NotATerminationError,
    NotAtWorkError,
    NotEmployedError,
    NotInForceError,
    NotOnLeaveError,
    OwnLeaveError,
    PersonErasedError,
    StillEmployedError,
)
from app.services.people.employment.record import (
    Change,
    again,
    again_as_known,
    held_on,
    overseen_on,
    record,
    record_as_known,
    record_move,
    require_employed,
)
from app.services.people.held_positions import end_positions
from app.services.people.held_words import sent_attributes
from app.services.people.manager_change import Overseen, move_manager
from app.services.people.user import OwnAccessError
from app.services.unit_of_work import UnitOfWork


class EmploymentService(Service):
    def __init__(
        self,
        database: Database,
        context: RequestContext,
        auth: AuthAdmin,
        *,
        adds_words: bool,
    ) -> None:
        super().__init__(database, context)
        self._auth = auth
        self._adds_words = adds_words

    async def list(self, user_id: uuid.UUID, request: PageRequest) -> ListOf[EmploymentRead]:
        """List what was recorded, newest first."""
        async with self.reading() as uow:
            await self.visible_user(uow, user_id)
            page = await uow.employment.list_of(user_id, self.actor, request)
            return listed(page, self._read)

    def _read(self, row: EmploymentChange) -> EmploymentRead:
        """Show a note, which may be about health or a dismissal, to its writer and to admins."""
        read = EmploymentRead.model_validate(row)
        shown = self.actor.may(Permission.USERS_WRITE) or row.recorded_by_id == self.actor.id
        return read if shown else read.model_copy(update={"note": None})

    async def leave(self, user_id: uuid.UUID, payload: LeaveCreate) -> Answer[EmploymentRead]:
        if payload.returns_on is not None and payload.returns_on <= payload.starts_on:
            raise InvalidPayloadError.at(
                "/returns_on", "not_after_start", "The return is after the first day"
            )
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            if user.id == self.actor.id:
                raise OwnLeaveError
            await self._refuse_long_ago(uow, user, payload.starts_on)
            held = await held_on(uow, user.id, payload.starts_on, self.actor)
            _require(held.state is EmploymentState.ACTIVE, NotAtWorkError)
            leave = Change(payload.starts_on, EmploymentState.LEAVE, {}, payload.note)
            row = await record_as_known(uow, self.actor, user, held, leave)
            within = partial(_at_work_before, payload.returns_on or date.max)
            await again_as_known(uow, self.actor, row, within, EmploymentState.LEAVE)
            if payload.returns_on is not None:
                held = await held_on(uow, user.id, payload.returns_on, self.actor)
                require_employed(held)
                back = Change(payload.returns_on, EmploymentState.ACTIVE, {}, payload.note)
                await record_as_known(uow, self.actor, user, held, back)
            return await self._answer(uow, row)

    async def come_back(self, user_id: uuid.UUID, payload: ReturnCreate) -> Answer[EmploymentRead]:
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            await self._refuse_long_ago(uow, user, payload.effective_on)
            held = await held_on(uow, user.id, payload.effective_on, self.actor)
            _require(held.state is EmploymentState.LEAVE, NotOnLeaveError)
            change = Change(payload.effective_on, EmploymentState.ACTIVE, {}, payload.note)
            row = await record_as_known(uow, self.actor, user, held, change)
            lasting = partial(_lasting, EmploymentState.LEAVE)
            await again_as_known(uow, self.actor, row, lasting, EmploymentState.ACTIVE)
            return await self._answer(uow, row)

    async def _refuse_long_ago(self, uow: UnitOfWork, user: User, day: date) -> None:
        today = await uow.employment.today_of(user.id)
        if is_long_ago(day, today) and not self.actor.may(Permission.USERS_WRITE):
            raise LongAgoError

    async def terminate(
        self, user_id: uuid.UUID, payload: TerminationCreate
    ) -> Answer[EmploymentRead]:
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            held = await held_on(uow, user.id, payload.effective_on)
            require_employed(held)
            change = Change(payload.effective_on, EmploymentState.TERMINATED, {}, payload.note)
            row = await record(uow, user, held, change)
            for later in await uow.employment.announced(user.id, payload.effective_on):
                await again(uow, later, {"state": EmploymentState.TERMINATED})
            return await self._answer(uow, row)

    async def rehire(self, user_id: uuid.UUID, payload: RehireCreate) -> Answer[MoveRead]:
        async with self.reading() as uow:
            seen = await self.visible_user(uow, user_id)
        lost = await lost_account(self._auth, seen)
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            held = await held_on(uow, user.id, payload.hired_on)
            gone = held.state is EmploymentState.TERMINATED
            _require(gone, StillEmployedError)
            await forget_lost_account(uow, user, lost)
            await end_positions(uow, user.id, held.effective_on)
            if fault := hire_fault(payload.hired_on, await uow.requirements.organisation_day()):
                raise InvalidPayloadError([fault])
            overseen = await overseen_on(uow, user, payload.hired_on)
            sent = await sent_attributes(uow, payload, add=self._adds_words)
            attributes = sent | {"hired_on": payload.hired_on}
            change = Change(payload.hired_on, EmploymentState.ACTIVE, attributes, payload.note)
            row = await record(uow, user, held, change)
            announced = await uow.employment.announced(user.id, row.effective_on)
            for later in _lasting(EmploymentState.TERMINATED, announced):
                await again(uow, later, _employed_as(row))
            return await self._moved(uow, user, row, overseen, payload.manager_id)

    async def transfer(self, user_id: uuid.UUID, payload: TransferCreate) -> Answer[MoveRead]:
        """Move somebody on a day; what was announced for later days moves along."""
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            held = await held_on(uow, user.id, payload.effective_on)
            require_employed(held)
            overseen = await overseen_on(uow, user, payload.effective_on)
            attributes = await sent_attributes(uow, payload, add=self._adds_words)
            change = Change(payload.effective_on, held.state, attributes, payload.note)
            row = await record_move(uow, user, held, change)
            return await self._moved(uow, user, row, overseen, payload.manager_id)

    async def void(
        self, user_id: uuid.UUID, change_id: uuid.UUID, payload: TerminationVoid
    ) -> Answer[EmploymentRead]:
        """Undo a termination that was a mistake; it stays on record, and so does who undid it."""
        async with self.reading() as uow:
            seen = await self.visible_user(uow, user_id)
        lost = await lost_account(self._auth, seen)
        async with self.work() as uow:
            user = await self.visible_user(uow, user_id, lock=True)
            if user.id == self.actor.id:
                raise OwnAccessError
            rows = {row.id: row for row in await uow.employment.recorded(user.id)}
            voided = found(rows.get(change_id), "employment_change")
            restored = await _restored(uow, list(rows.values()), voided)
            await forget_lost_account(uow, user, lost)
            first, *later = restored
            how = {"voids_id": voided.id, "note": payload.reason}
            row = await again(uow, rows[first.id], {**_as_restored(first), **how})
            for each in later:
                await again(uow, rows[each.id], _as_restored(each))
            return await self._answer(uow, row, AuditAction.USER_TERMINATION_VOIDED)

    async def _moved(
        self,
        uow: UnitOfWork,
        user: User,
        row: EmploymentChange,
        overseen: Overseen,
        manager_id: uuid.UUID | MISSING | None,
    ) -> Answer[MoveRead]:
        there = (await held_on(uow, user.id, overseen.day)).person.location_id
        move = await move_manager(uow, user, overseen, there, manager_id)
        await take_effect(uow, row, move=move)
        read = MoveRead(**dict(EmploymentRead.model_validate(row)), **move.told)
        return await uow.answer(Answer(read, created=True))

    async def _answer(
        self,
        uow: UnitOfWork,
        row: EmploymentChange,
        action: AuditAction = AuditAction.USER_EMPLOYMENT_CHANGED,
    ) -> Answer[EmploymentRead]:
        await take_effect(uow, row, action)
        return await uow.answer(Answer(EmploymentRead.model_validate(row), created=True))


def _lasting(
    state: EmploymentState, later: Iterable[EmploymentChange]
) -> Iterable[EmploymentChange]:
    """Return what was announced for the days after a change and only prolonged a state."""
    return takewhile(lambda change: change.state is state, later)


def _at_work_before(day: date, later: Iterable[EmploymentChange]) -> Iterable[EmploymentChange]:
    active = EmploymentState.ACTIVE
    return (each for each in later if each.effective_on < day and each.state is active)


def _employed_as(row: EmploymentChange) -> dict[str, Any]:
    return {name: getattr(row, name) for name in ("state", *ATTRIBUTES)}


async def _restored(
    uow: UnitOfWork, rows: Sequence[EmploymentChange], voided: EmploymentChange
) -> list[Restored]:
    """Return what to record in place of a termination; refuse where it is none, or is undone."""
    of_day = [row for row in rows if row.effective_on == voided.effective_on]
    terminated = voided.state is EmploymentState.TERMINATED
    _require(terminated, NotATerminationError)
    _require(of_day[-1] is voided, NotInForceError)
    erased = await uow.retention.is_erased(voided.user_id)
    _require(not erased, PersonErasedError)
    recorded = {row.id: _recorded(row) for row in rows}
    restored = without_termination(list(recorded.values()), recorded[voided.id])
    _require(bool(restored), NotEmployedError)
    again = {each.id for each in restored}
    for row in rows:
        if row.id in again and row.location_id and not await uow.locations.holds(row.location_id):
            raise LocationDeletedError
    return restored


def _recorded(row: EmploymentChange) -> Recorded:
    terminated = row.state is EmploymentState.TERMINATED
    return Recorded(row.id, row.effective_on, terminated, row.state, row.hired_on)


def _as_restored(restored: Restored) -> dict[str, Any]:
    return {"state": EmploymentState(restored.state), "hired_on": restored.hired_on}


def _require(holds: bool, error: type[ConflictError]) -> None:  # noqa: FBT001  # reads as a sentence
    if not holds:
        raise error
