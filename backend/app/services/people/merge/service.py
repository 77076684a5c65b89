"""Two entries of one person become one, once a second person has looked at them."""

import uuid

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import ConflictError, ForbiddenError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.audit import AuditAction
from app.integrations.auth_admin import AuthAdmin
from app.models import Merge, User
from app.models.people.merge import MergeStatus
from app.repositories.people.merge import MergeFilter
from app.schemas.base import ListOf
from app.schemas.people.merge import MergeCreate, MergeRead
from app.services.answer import Answer
from app.services.base import Service, found, listed
from app.services.compliance.reconciliation import reconcile
from app.services.context import RequestContext
from app.services.people.account_note import remove_accounts
from app.services.people.employment.errors import PersonErasedError
from app.services.people.merge.account import one_account
from app.services.people.merge.work import take_over_work
from app.services.unit_of_work import UnitOfWork


class OwnMergeError(ForbiddenError):
    code = "own_merge"
    detail = "Somebody else has to merge your own entry, or confirm what you proposed."


class AlreadyMergedError(ConflictError):
    code = "already_merged"
    title = "One of the entries was merged, or is about to be"


class MergeDecidedError(ConflictError):
    code = "merge_decided"
    title = "This was confirmed or refused already"


class MergedClosedError(ConflictError):
    code = "continues_closed"
    title = "The entry that continues is closed, and the other is not"
    detail = "Propose it the other way round, or open that entry first."


class UnderWayError(ConflictError):
    code = "under_way"
    title = "The entry that ends is under way in a module"
    detail = "Let the person finish it, withdraw it, or let that entry continue."


class MergeService(Service):
    def __init__(self, database: Database, context: RequestContext, auth: AuthAdmin) -> None:
        super().__init__(database, context)
        self._auth = auth

    async def list(self, filters: MergeFilter, request: PageRequest) -> ListOf[MergeRead]:
        async with self.reading() as uow:
            page = await uow.merges.list_all(filters, request)
            return listed(page, MergeRead.model_validate)

    async def get(self, merge_id: uuid.UUID) -> Answer[MergeRead]:
        async with self.reading() as uow:
            return _answer(found(await uow.merges.get(merge_id), "merge"))

    async def propose(self, payload: MergeCreate) -> Answer[MergeRead]:
        async with self.work() as uow:
            if payload.user_id == payload.merged_id:
                raise InvalidPayloadError.at("/merged_id", "same_entry", "Name two entries")
            merge = Merge(**dict(payload), proposed_by_id=self.actor.id)
            await self._entries(uow, merge)
            await uow.merges.add(merge)
            await uow.audit(AuditAction.MERGE_PROPOSED, merge, after=_both(merge))
            return await uow.answer(_answer(merge, created=True))

    async def refuse(self, merge_id: uuid.UUID, precondition: Precondition) -> Answer[MergeRead]:
        """Leave both entries as they are. Whoever proposed it may take it back."""
        async with self.work() as uow:
            merge = await self._pending(uow, merge_id, precondition)
            self._refuse_own(merge)
            await self._decide(uow, merge, MergeStatus.REFUSED)
            await uow.audit(AuditAction.MERGE_REFUSED, merge, after=_both(merge))
            return await uow.answer(_answer(merge))

    async def confirm(self, merge_id: uuid.UUID, precondition: Precondition) -> Answer[MergeRead]:
        """Let one entry go on for both; delete the sign-in account that is one too many."""
        async with self.work() as uow:
            merge = await self._pending(uow, merge_id, precondition)
            user, merged = await self._entries(uow, merge)
            # Whoever proposed it may have been merged since, also into one of the two.
            if await uow.merges.proposer(merge) in {self.actor.id, user.id, merged.id}:
                raise OwnMergeError
            if merged.is_active and not user.is_active:
                raise MergedClosedError
            await uow.employment.lock_people([user.id, merged.id])
            await _end_enrollments(uow, merged)
            await self._decide(uow, merge, MergeStatus.CONFIRMED)
            given_up = await _join(uow, user, merged, merge)
            await reconcile(uow, [user.id, merged.id])
            answer = await uow.answer(_answer(merge))
        if given_up is not None:
            await remove_accounts(self._database, self._auth, [given_up])
        return answer

    async def _entries(self, uow: UnitOfWork, merge: Merge) -> tuple[User, User]:
        """Lock both entries; refuse those that are the actor's own, merged or erased."""
        self._refuse_own(merge)
        entries = await uow.merges.lock_entries([merge.user_id, merge.merged_id])
        user, merged = (
            found(entries.get(each), "user") for each in (merge.user_id, merge.merged_id)
        )
        if user.merged_into_id or merged.merged_into_id:
            raise AlreadyMergedError
        for each in (user, merged):
            if await uow.retention.is_erased(each.id):
                raise PersonErasedError
        return user, merged

    def _refuse_own(self, merge: Merge) -> None:
        if self.actor.is_one_of({merge.user_id, merge.merged_id}):
            raise OwnMergeError

    async def _pending(
        self, uow: UnitOfWork, merge_id: uuid.UUID, precondition: Precondition
    ) -> Merge:
        merge = found(await uow.merges.get(merge_id, lock=True), "merge")
        precondition.require(merge.etag)
        if merge.status is not MergeStatus.PENDING:
            raise MergeDecidedError
        return merge

    async def _decide(self, uow: UnitOfWork, merge: Merge, status: MergeStatus) -> None:
        now, today = await uow.now(), await uow.employment.today_of(merge.user_id)
        merge.status, merge.decided_by_id = status, self.actor.id
        merge.decided_at, merge.decided_on = now, today
        await uow.merges.save(merge)


def _answer(merge: Merge, *, created: bool = False) -> Answer[MergeRead]:
    return Answer(MergeRead.model_validate(merge), created)


def _both(merge: Merge) -> dict[str, object]:
    return {"user_id": merge.user_id, "merged_id": merge.merged_id}


async def _end_enrollments(uow: UnitOfWork, merged: User) -> None:
    """Withdraw what was not begun; refuse where the person studies under the entry that ends.

    What was studied there could not go on: progress and attempts name the entry for good.
    """
    locked = await uow.merges.lock_open_enrollments(merged.id)
    known = await uow.rule_enrollments.open_of([merged.id])
    if any(each.started or each.id not in locked for each in known):
        raise UnderWayError
    await uow.rule_enrollments.withdraw(sorted(locked), uow.actor_id, uow.request_id)
    await uow.merges.close_to_references(merged.id)
    if await uow.rule_enrollments.open_of([merged.id]):
        raise UnderWayError


async def _join(uow: UnitOfWork, user: User, merged: User, merge: Merge) -> uuid.UUID | None:
    """Return the account that nobody has any longer."""
    before = _told(user)
    await take_over_work(uow, user, merged)
    merged.merged_into_id = user.id
    given_up = await one_account(uow, user, merged)
    await uow.merges.point_to(user, merged)
    await uow.users.reread(user)
    after = {**_both(merge), **_told(user), "account_given_up": given_up}
    await uow.audit(AuditAction.MERGE_CONFIRMED, merge, before=before, after=after)
    return given_up


def _told(user: User) -> dict[str, object]:
    names = ("email", "supabase_id", "employee_number", "full_name", "hired_on")
    return {name: getattr(user, name) for name in names}
