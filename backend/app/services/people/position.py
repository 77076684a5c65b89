"""Where else people work. Nothing that was said is edited: a correction is one more row."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import MISSING

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import ConflictError, FieldError, ForbiddenError, InvalidPayloadError
from app.core.ids import new_id
from app.core.pagination import PageRequest, decode_cursor, encode_cursor
from app.domain.audit import AuditAction
from app.domain.compliance.audience import PersonFacts
from app.domain.people.manager_change import Oversight
from app.domain.recurrence import add_days
from app.models import Position, User
from app.schemas.base import ListOf
from app.schemas.people.employment import EmploymentRead, MoveRead
from app.schemas.people.position import (
    PositionCreate,
    PositionMoveRead,
    PositionRead,
    PositionUpdate,
    PrimaryPosition,
)
from app.services.answer import Answer
from app.services.base import Service, found
from app.services.compliance.reconciliation import reconcile
from app.services.context import RequestContext
from app.services.people.employment.effect import take_effect
from app.services.people.employment.errors import PersonErasedError
from app.services.people.employment.record import (
    Change,
    held_on,
    overseen_on,
    record_move,
    require_employed,
)
from app.services.people.held_positions import PLACE, SAID, following
from app.services.people.held_words import meant_name
from app.services.people.manager_change import Move, Overseen, manager_fault, seen_by, seers
from app.services.unit_of_work import UnitOfWork


class OwnPositionError(ForbiddenError):
    code = "own_position"
    detail = "Somebody else has to say where you work: it decides what you have to train in."


class PrimaryPositionError(ConflictError):
    code = "primary_position"
    title = "This is the primary position: transfer the person instead"


class NotHeldError(ConflictError):
    code = "not_held"
    title = "The person does not have this position from that day on"
    detail = "A primary position goes on: take back the end that is set, or choose a later day."


@dataclass(frozen=True, slots=True)
class _Said:
    """A row of a position, and what it changes."""

    action: AuditAction
    row: Position
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class PositionService(Service):
    def __init__(self, database: Database, context: RequestContext, *, adds_words: bool) -> None:
        super().__init__(database, context)
        self._adds_words = adds_words

    async def list(self, user_id: uuid.UUID, request: PageRequest) -> ListOf[PositionRead]:
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            further = await uow.positions.of_user(user.id)
            return _page([_primary(user), *(_read(row) for row in further)], request)

    async def get(self, user_id: uuid.UUID, position_id: uuid.UUID) -> Answer[PositionRead]:
        async with self.reading() as uow:
            user = await self.visible_user(uow, user_id)
            if position_id == user.id:
                return Answer(_primary(user))
            row = await uow.positions.get(user.id, position_id)
            return Answer(_read(found(row, "position")))

    async def create(self, user_id: uuid.UUID, payload: PositionCreate) -> Answer[PositionMoveRead]:
        async with self.work() as uow:
            user = await self._other(uow, user_id)
            position_id = new_id()
            fields = await self._checked(uow, user, payload.model_dump())
            row = Position(id=position_id, position_id=position_id, **fields)
            said = _Said(AuditAction.POSITION_CREATED, row, after=fields)
            return await uow.answer(await self._recorded(uow, user, said))

    async def update(
        self,
        user_id: uuid.UUID,
        position_id: uuid.UUID,
        payload: PositionUpdate,
        precondition: Precondition,
    ) -> Answer[PositionMoveRead]:
        async with self.work() as uow:
            user = await self._other(uow, user_id)
            held = await self._held(uow, user, position_id, precondition)
            known = {name: getattr(held, name) for name in SAID}
            sent = {name: value for name, value in dict(payload).items() if value is not MISSING}
            fields = await self._checked(uow, user, {**known, **sent})
            changed = [name for name in SAID if fields[name] != known[name]]
            said = _Said(
                AuditAction.POSITION_UPDATED,
                following(held, **fields) if changed else held,
                {name: known[name] for name in changed},
                {name: fields[name] for name in changed},
            )
            return await self._recorded(uow, user, said)

    async def withdraw(
        self, user_id: uuid.UUID, position_id: uuid.UUID, precondition: Precondition
    ) -> None:
        """Take back a position that was entered by mistake."""
        async with self.work() as uow:
            user = await self._other(uow, user_id)
            held = await self._held(uow, user, position_id, precondition)
            before = {name: getattr(held, name) for name in SAID}
            row = following(held, withdrawn=True)
            said = _Said(AuditAction.POSITION_WITHDRAWN, row, before=before)
            await self._recorded(uow, user, said)

    async def make_primary(
        self,
        user_id: uuid.UUID,
        position_id: uuid.UUID,
        payload: PrimaryPosition,
    ) -> Answer[MoveRead]:
        """Exchange the primary position and another from a day on.

        The person works where they did: they are asked for nothing else, and nobody newly sees
        them.
        """
        async with self.work() as uow:
            user = await self._other(uow, user_id)
            position = await self._further(uow, user, position_id)
            day = payload.effective_on
            if position.starts_on > day or position.ends_on is not None:
                raise NotHeldError
            held = await held_on(uow, user.id, day)
            require_employed(held)
            overseen = await overseen_on(uow, user, day)
            await self._end(uow, position, day)
            await self._go_on(uow, user, held.person, overseen, day)
            place = {name: getattr(position, name) for name in PLACE}
            row = await record_move(uow, user, held, Change(day, held.state, place, payload.note))
            await uow.manager_changes.announce(user.id, overseen.day, position.manager_id)
            after = Oversight(position.location_id, position.manager_id)
            move = Move(overseen.oversight, after, {}, {})
            await take_effect(uow, row, move=move)
            read = MoveRead(**dict(EmploymentRead.model_validate(row)), **move.told)
            return await uow.answer(Answer(read, created=True))

    async def _end(self, uow: UnitOfWork, position: Position, day: date) -> None:
        """End what is the primary position from a day on. Begun that day, it is that alone."""
        last = add_days(day, -1)
        never = position.starts_on == day
        row = following(position, withdrawn=True) if never else following(position, ends_on=last)
        action = AuditAction.POSITION_WITHDRAWN if never else AuditAction.POSITION_UPDATED
        said = _Said(action, row, {"ends_on": None}, {"ends_on": None if never else last})
        await self._say(uow, position.user_id, said)

    async def _go_on(
        self, uow: UnitOfWork, user: User, person: PersonFacts, overseen: Overseen, day: date
    ) -> None:
        """Let the former primary position be another one, where somebody worked anywhere."""
        if person.location_id is None:
            return
        position_id = new_id()
        fields = {name: getattr(person, name) for name in PLACE}
        fields |= {"manager_id": overseen.oversight.manager_id, "starts_on": day, "ends_on": None}
        row = Position(id=position_id, position_id=position_id, **fields)
        await self._say(uow, user.id, _Said(AuditAction.POSITION_CREATED, row, after=fields))

    async def _other(self, uow: UnitOfWork, user_id: uuid.UUID) -> User:
        """Lock somebody else: nobody frees themselves from the rules of an office."""
        user = await self.visible_user(uow, user_id, lock=True)
        if user.id == self.actor.id:
            raise OwnPositionError
        if await uow.retention.is_erased(user.id):
            raise PersonErasedError
        return user

    async def _held(
        self, uow: UnitOfWork, user: User, position_id: uuid.UUID, precondition: Precondition
    ) -> Position:
        row = await self._further(uow, user, position_id)
        precondition.require(row.etag)
        return row

    async def _further(self, uow: UnitOfWork, user: User, position_id: uuid.UUID) -> Position:
        if position_id == user.id:
            raise PrimaryPositionError
        return found(await uow.positions.get(user.id, position_id), "position")

    async def _checked(self, uow: UnitOfWork, user: User, fields: dict[str, Any]) -> dict[str, Any]:
        """Return the fields with the words as they are listed; raise for those that are wrong."""
        faults = [await manager_fault(uow, fields["manager_id"], user.id)]
        if not await uow.locations.holds(fields["location_id"]):
            faults.append(FieldError("/location_id", "unknown_location", "No such location"))
        if fields["ends_on"] is not None and fields["ends_on"] < fields["starts_on"]:
            faults.append(FieldError("/ends_on", "before_start", "It ends before it starts"))
        if errors := [fault for fault in faults if fault]:
            raise InvalidPayloadError(errors)
        add = self._adds_words
        words = {
            "department": await meant_name(uow, uow.departments, fields["department"], add=add),
            "job_title": await meant_name(uow, uow.job_titles, fields["job_title"], add=add),
        }
        return {name: fields[name] for name in SAID} | words

    async def _say(self, uow: UnitOfWork, user_id: uuid.UUID, said: _Said) -> None:
        row = said.row
        row.user_id, row.recorded_by_id = user_id, self.actor.id
        row.recorded_on = await uow.employment.today_of(user_id)
        await uow.positions.add(row)
        await uow.audit(said.action, row.position_id, before=said.before, after=said.after)

    async def _recorded(self, uow: UnitOfWork, user: User, said: _Said) -> Answer[PositionMoveRead]:
        row, today = said.row, await uow.employment.today_of(user.id)
        if said.before or said.after:
            await self._say(uow, user.id, said)
            await reconcile(uow, [user.id])
        day = max(today, row.starts_on)
        further = await uow.positions.oversights(user.id, day, besides=row.position_id)
        held = Oversight(user.location_id, user.manager_id)
        otherwise = await seen_by(uow, [held, *further])
        by_this = await seen_by(uow, [Oversight(row.location_id, row.manager_id)])
        read = PositionMoveRead(**dict(_read(row)), newly_seen_by=seers(by_this, otherwise))
        return Answer(read, created=said.action is AuditAction.POSITION_CREATED)


def _page(positions: list[PositionRead], request: PageRequest) -> ListOf[PositionRead]:
    """Return a page of a list that is short by nature, of which one item is of another table."""
    first = 0
    if request.cursor is not None:
        (last,) = decode_cursor(request.cursor, (uuid.UUID,))
        before = [position.id == last for position in positions]
        first = before.index(True) + 1 if any(before) else len(positions)
    shown = positions[first : first + request.limit]
    is_last = first + request.limit >= len(positions)
    return ListOf(
        items=shown,
        next_cursor=None if is_last else encode_cursor((shown[-1].id,)),
        total=len(positions) if request.include_total else None,
    )


def _primary(user: User) -> PositionRead:
    return PositionRead(
        id=user.id,
        user_id=user.id,
        is_primary=True,
        location_id=user.location_id,
        department=user.department.name if user.department else None,
        job_title=user.job_title.name if user.job_title else None,
        manager_id=user.manager_id,
        starts_on=user.hired_on,
        ends_on=None,
        etag=user.etag,
    )


def _read(row: Position) -> PositionRead:
    fields = {name: getattr(row, name) for name in SAID}
    return PositionRead(
        id=row.position_id, user_id=row.user_id, is_primary=False, **fields, etag=row.etag
    )
