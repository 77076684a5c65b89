"""The base of all services. Services never call another service's public methods."""

import uuid
from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from pydantic import MISSING

from app.core.database import Base, Database
from app.core.errors import ConflictError, ForbiddenError, NotFoundError
from app.core.pagination import Page
from app.domain.actor import Actor
from app.models import User
from app.repositories.people.caller import Caller
from app.schemas.base import Changes, ListOf
from app.services.context import SYSTEM, RequestContext
from app.services.unit_of_work import UnitOfWork

Row = TypeVar("Row")
Read = TypeVar("Read")


class EntryMergedError(ConflictError):
    code = "entry_merged"
    title = "This entry was merged: the person goes on under another"


class MfaRequiredError(ForbiddenError):
    code = "mfa_required"
    detail = "Confirm this session with a second factor first."


class Service:
    def __init__(self, database: Database, context: RequestContext) -> None:
        self._database = database
        self._context = context

    @property
    def actor(self) -> Actor:
        if self._context.actor is None:
            msg = "this use case needs a signed-in person"
            raise RuntimeError(msg)
        return self._context.actor

    @property
    def caller(self) -> Caller:
        """The caller, for statements that look up the caller's row themselves."""
        return self._context.claims or self.actor.id

    def act_for(self, user_id: uuid.UUID | None) -> None:
        """Refuse to write for somebody else without the second factor, where it is asked for.

        None stands for everybody.
        For routes that people use for themselves as well, which let everybody in. The other routes
        have asked already.
        """
        if not self.actor.is_one_of([user_id]) and self._context.lacks_second_factor:
            raise MfaRequiredError

    def work(self) -> UnitOfWork:
        """Open a transaction."""
        return UnitOfWork(self._database, self._context)

    def autocommit(self) -> UnitOfWork:
        """Open a unit of work whose statements each commit themselves.

        That saves the round trips of BEGIN and COMMIT. Only for an effect that is one statement
        and can be repeated without changing anything more.
        """
        return UnitOfWork(self._database, self._context, autocommit=True)

    def snapshot(self) -> UnitOfWork:
        """Open a transaction whose statements all see the same moment."""
        return UnitOfWork(self._database, self._context, isolation="REPEATABLE READ")

    def reading(self) -> UnitOfWork:
        """Open a unit of work whose statements each are their own transaction."""
        return UnitOfWork(self._database, self._context, reads=True)

    async def seen_user(self, user_id: uuid.UUID) -> User:
        """Return the row, or replay a kept answer, before the Auth service is asked to act."""
        async with UnitOfWork(self._database, SYSTEM, reads=True) as uow:
            await uow.replay(self._context)
            return await self.visible_user(uow, user_id)

    async def visible_user(
        self, uow: UnitOfWork, user_id: uuid.UUID, *, lock: bool = False
    ) -> User:
        """Return a person whom the actor may see; raise NotFoundError for everybody else.

        Locked to be changed, an entry that was merged is refused.
        """
        user = found(await uow.users.get_visible(user_id, self.actor, lock=lock), "user")
        if lock and user.merged_into_id is not None:
            raise EntryMergedError
        return user

    async def see_all(self, uow: UnitOfWork, user_ids: Collection[uuid.UUID]) -> None:
        """Raise NotFoundError unless the actor may see all of these people."""
        seen = await uow.users.visible_ids(list(user_ids), self.actor) if user_ids else set()
        if seen != set(user_ids):
            raise NotFoundError("user")


def apply(
    row: Base, payload: Changes, names: Iterable[str]
) -> tuple[dict[str, object], dict[str, object]]:
    """Set the `names` that the client sent; return the audit trail's before and after.

    Each service lists the names itself, so that a client can set no other attribute.
    """
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    for name in names:
        value = getattr(payload, name)
        if value is not MISSING and getattr(row, name) != value:
            before[name], after[name] = getattr(row, name), value
            setattr(row, name, value)
    return before, after


def found(row: Row | None, noun: str) -> Row:
    """Return the row; raise NotFoundError where there is none, or none that the actor may see."""
    if row is None:
        raise NotFoundError(noun)
    return row


def listed(page: Page[Row], read: Callable[[Row], Read]) -> ListOf[Read]:
    """Return a page as the API lists it."""
    items = [read(row) for row in page.items]
    return ListOf(items=items, next_cursor=page.next_cursor, total=page.total)
