"""Retention: how long evidence is kept, whose may be erased, erasing it (docs/decisions/0002)."""

import secrets
import uuid
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from app.core.concurrency import Precondition
from app.core.database import Database
from app.core.errors import ConflictError, ForbiddenError, InvalidPayloadError
from app.domain.audit import AuditAction
from app.domain.evidence.retention import (
    RETENTION,
    HeldEvidence,
    LegalHold,
    RetentionClass,
    earliest_erasure,
    retention_years,
)
from app.domain.recurrence import add_days
from app.integrations.auth_admin import AuthAdmin
from app.models import LegalHold as LegalHoldRow
from app.models import RetentionPeriod
from app.repositories.evidence.retention import KeptEvidence, Leaver, Subject
from app.schemas.base import ListOf
from app.schemas.evidence.retention import (
    Erased,
    ErasureDue,
    RetentionPeriodRead,
    RetentionPeriodReplace,
)
from app.services.answer import Answer
from app.services.base import Service
from app.services.context import RequestContext
from app.services.unit_of_work import UnitOfWork

BATCH = 500
# The last time zone ends a day twelve hours after UTC does.
LAST_ZONE = timedelta(hours=12)


class NotTheOwnerError(ForbiddenError):
    code = "not_the_owner"
    detail = "Erasing needs the owner of the schema: set MIGRATION_DATABASE_URL."


class NotDueError(ConflictError):
    code = "not_due"
    title = "This person's data may not be erased yet"
    detail = "They are active, under a legal hold, erased already, or their time is not up."


class RetentionService(Service):
    def __init__(self, database: Database, context: RequestContext, auth: AuthAdmin) -> None:
        super().__init__(database, context)
        self._auth = auth

    async def periods(self) -> ListOf[RetentionPeriodRead]:
        async with self.reading() as uow:
            configured = await uow.retention.periods()
            return ListOf(items=[_period(kept, configured.get(kept)) for kept in RETENTION])

    async def period(self, retention_class: RetentionClass) -> Answer[RetentionPeriodRead]:
        async with self.reading() as uow:
            row = await uow.retention.period(retention_class)
            return _answer(retention_class, row)

    async def set_period(
        self,
        retention_class: RetentionClass,
        payload: RetentionPeriodReplace,
        precondition: Precondition,
    ) -> Answer[RetentionPeriodRead]:
        """Lengthen what the source demands; shorter than that is refused."""
        if payload.years < RETENTION[retention_class].minimum_years:
            raise InvalidPayloadError.at(
                "/years", "below_minimum", "The regulation demands more years"
            )
        async with self.work() as uow:
            row = await uow.retention.period(retention_class, lock=True)
            precondition.require(_etag(retention_class, row))
            before = {"years": row.years} if row else None
            if row is None:
                row = RetentionPeriod(retention_class=retention_class)
            if row.years != payload.years:
                row.years = payload.years
                await uow.retention.add(row)
                after = {"retention_class": retention_class, "years": payload.years}
                await uow.audit(AuditAction.RETENTION_PERIOD_SET, row, before=before, after=after)
            return _answer(retention_class, row)

    async def due(self) -> list[ErasureDue]:
        """Say of everybody who has left when their data may be erased. Changes nothing."""
        found: list[ErasureDue] = []
        async with self.snapshot() as uow:
            after: uuid.UUID | None = None
            while leavers := await uow.retention.leavers(after, BATCH):
                found += await _assess(uow, leavers)
                after = leavers[-1].user_id
        return found

    async def erase(self, user_id: uuid.UUID) -> Erased:
        """Erase one person with all their entries, as the owner of the schema.

        The records have to be sealed.

        The sign-in account is deleted first: with an account but no row, the person would get a
        new row at the next sign-in. Raises AuthUnavailableError, and then nothing is erased.
        """
        async with self.work() as uow:
            await _due_from(uow, user_id)
            account = await uow.retention.account_of(user_id)
        if account is not None:
            await self._auth.delete_user(account)
        async with self.work() as uow:
            records, day = await _due_from(uow, user_id)
            if account is not None:
                await uow.retention.unlink(user_id, account)
            pseudonym = f"erased-{secrets.token_hex(8)}"
            for entry_id in await uow.retention.merged_into(user_id):
                merged = f"erased-{secrets.token_hex(8)}"
                await uow.retention.erase(entry_id, merged, add_days(day, -1))
            await uow.retention.erase(user_id, pseudonym, add_days(day, -1))
            return Erased(user_id=user_id, pseudonym=pseudonym, records=records)


async def _due_from(uow: UnitOfWork, user_id: uuid.UUID) -> tuple[int, date]:
    """Lock a person whose retention has ended; return the number of records and since which day."""
    if not await uow.retention.may_erase():
        raise NotTheOwnerError
    leaver = await uow.retention.leaver(user_id, lock=True)
    if leaver is None:
        raise NotDueError
    [state] = await _assess(uow, [leaver])
    if not state.due or state.erasable_from is None:
        raise NotDueError
    return state.records, state.erasable_from


async def _assess(uow: UnitOfWork, leavers: list[Leaver]) -> list[ErasureDue]:
    entries = await uow.employment.entries([leaver.user_id for leaver in leavers])
    whose = {entry.user_id: entry.person_id for entry in entries}
    today = (await uow.now() - LAST_ZONE).date()
    configured = {kept: row.years for kept, row in (await uow.retention.periods()).items()}
    classes = await uow.retention.classes()
    holds = defaultdict[uuid.UUID, list[LegalHold]](list)
    for row in await uow.legal_holds.of_people(list(whose)):
        holds[whose[row.user_id]].append(_hold(row))
    evidence = defaultdict[uuid.UUID, list[KeptEvidence]](list)
    for item in await uow.retention.evidence(list(whose)):
        evidence[whose[item.user_id]].append(item)
    found = []
    for leaver in leavers:
        kept = evidence[leaver.user_id]
        day = earliest_erasure(
            _held(kept, classes),
            left_on=leaver.left_on,
            holds=holds[leaver.user_id],
            configured_years=configured,
        )
        found.append(
            ErasureDue(
                user_id=leaver.user_id,
                full_name=leaver.full_name,
                left_on=leaver.left_on,
                records=sum(item.is_record for item in kept),
                held=any(hold.released_on is None for hold in holds[leaver.user_id]),
                erasable_from=day,
                due=day is not None and day <= today,
            )
        )
    return found


def _held(
    evidence: Iterable[KeptEvidence], classes: dict[Subject, set[RetentionClass]]
) -> list[HeldEvidence]:
    """Return the evidence under each class that its subject was ever in."""
    return [
        HeldEvidence(kept, item.last_in_effect)
        for item in evidence
        for kept in classes.get(item.subject) or {RetentionClass.STANDARD}
    ]


def _hold(row: LegalHoldRow) -> LegalHold:
    released = row.released_at
    return LegalHold(row.created_at.date(), released.date() if released else None)


def _period(kept: RetentionClass, row: RetentionPeriod | None) -> RetentionPeriodRead:
    rule = RETENTION[kept]
    return RetentionPeriodRead(
        etag=_etag(kept, row),
        retention_class=kept,
        minimum_years=rule.minimum_years,
        years=retention_years(kept, row.years if row else None),
        citation=rule.citation,
    )


def _etag(kept: RetentionClass, row: RetentionPeriod | None) -> str:
    return row.etag if row else f'"{kept}.0"'


def _answer(kept: RetentionClass, row: RetentionPeriod | None) -> Answer[RetentionPeriodRead]:
    return Answer(_period(kept, row))
