"""Keeps periods, the matrix and enrollments in step with what is recorded. Idempotent."""

import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date

import structlog

from app.core.database import Database
from app.core.postgres.failure import unavailable
from app.domain.compliance import ComplianceStatus, PeriodOutcome
from app.domain.compliance.obligation import Duty, awaits_trainer, duty_on
from app.domain.compliance.own_duty import Change
from app.domain.compliance.rule_enrollment import Wanted
from app.domain.compliance.timeline import Timeline
from app.domain.outreach.job import JobName
from app.domain.recurrence import add_days
from app.services.base import Service
from app.services.compliance.compliance_facts import (
    Catalogue,
    load_catalogue,
    load_histories,
)
from app.services.compliance.own_duty import Changer
from app.services.compliance.rule_enrollment import enroll_as_required
from app.services.compliance.worked_out import (
    WorkedOut,
    timeline_of,
    write_periods,
    write_segments,
)
from app.services.context import RequestContext
from app.services.unit_of_work import UnitOfWork

log = structlog.get_logger(__name__)

BATCH = 100
INLINE_PEOPLE = 1000
"""With more people than this, a change that concerns everybody queues them.

With fewer, the transaction of the change itself reconciles them.
"""

KEPT_DAYS = range(-1, 3)
"""Counts are kept for the days around today: it is not the same day at every office, and a
nightly run may be missed."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """How many rows were written, and for how many people that failed."""

    people: int = 0
    segments: int = 0
    periods: int = 0
    enrolled: int = 0
    dated: int = 0
    withdrawn: int = 0
    failed: int = 0

    def __add__(self, other: "Reconciled") -> "Reconciled":
        return Reconciled(
            *(getattr(self, part.name) + getattr(other, part.name) for part in fields(self))
        )

    @property
    def changed(self) -> int:
        return self.segments + self.periods + self.enrolled + self.dated + self.withdrawn


class ReconciliationService(Service):
    """Reconciles many people. Whoever it fails for is logged and keeps nobody else waiting."""

    def __init__(self, database: Database, context: RequestContext) -> None:
        super().__init__(database, context)
        self._failed: set[uuid.UUID] = set()
        """Queued people whom this process leaves to the nightly run."""

    async def run(
        self,
        user_ids: Sequence[uuid.UUID] | None = None,
        requirement_ids: Iterable[uuid.UUID] | None = None,
        *,
        dry_run: bool = False,
        today: date | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Reconciled:
        """Reconcile everybody, a batch of people and a transaction at a time.

        `today` stands in for everybody's own day. A dry run counts and rolls back.
        """
        async with self.work() as uow:
            # First, because a move may put the person into another time zone.
            await uow.manager_changes.take_effect()
            moved = await uow.employment.take_effect()
            if dry_run:
                uow.discard()
        if moved:
            log.info("employment_took_effect", people=len(moved))
        async with self.reading() as uow:
            people = list(user_ids) if user_ids is not None else await uow.employment.people()
            asked = None if requirement_ids is None else set(requirement_ids)

        async def step(batch: Sequence[uuid.UUID]) -> Reconciled:
            async with self.work() as uow:
                if dry_run:
                    uow.discard()
                return await reconcile(uow, batch, asked, today=today)

        done = Reconciled()
        for first in range(0, len(people), BATCH):
            done += await _apart(people[first : first + BATCH], step)
            if progress:
                progress(done.people, len(people))
        if user_ids is None and not dry_run:
            async with self.work() as uow:
                day = today or await uow.requirements.organisation_day()
                await uow.compliance_segments.keep_days([add_days(day, n) for n in KEPT_DAYS])
        return done

    async def run_queued(self) -> bool:
        """Reconcile a batch of the people whom changed rules have queued; False: nobody is left.

        Processes may call it at the same time: each takes other people. What one that is killed
        has taken is queued again, since its transaction never ends.
        """
        async with self.reading() as uow:
            if await uow.outdated.is_empty():
                return False
        people: list[uuid.UUID] = []

        async def step(alone: Sequence[uuid.UUID]) -> Reconciled:
            async with self.work() as uow:
                if alone:
                    await uow.employment.lock_people(alone)
                else:
                    people[:] = await uow.outdated.lock_next(BATCH, self._failed)
                return await _reconcile_queued(uow, alone or people)

        try:
            await step(())
        except Exception as error:  # noqa: BLE001  # whatever fails for one must not stop the others
            _require_fault_of_a_person(error, people)
            for user_id in people:
                if (await _apart([user_id], step)).failed:
                    self._failed.add(user_id)
        return bool(people)

    async def people(self, addresses: Iterable[str]) -> list[uuid.UUID]:
        """Return the active people who have these addresses."""
        async with self.reading() as uow:
            found = [await uow.users.active_by_email(address) for address in addresses]
            return [user.id for user in found if user]

    async def run_pending(self) -> Reconciled:
        """Reconcile the pending completions, one person and one transaction at a time."""
        async with self.reading() as uow:
            people = await uow.compliance_segments.people_pending()

        async def step(alone: Sequence[uuid.UUID]) -> Reconciled:
            async with self.work() as uow:
                return await reconcile_completions(uow, alone)

        done = Reconciled()
        for user_id in people:
            done += await _apart([user_id], step)
        return done


async def _apart(
    people: Sequence[uuid.UUID], step: Callable[[Sequence[uuid.UUID]], Awaitable[Reconciled]]
) -> Reconciled:
    """Do a step for these people together or, where that fails, for each of them alone."""
    try:
        return await step(people)
    except Exception as error:
        _require_fault_of_a_person(error, people)
        if len(people) == 1:
            log.exception("reconciliation_failed", user_id=str(people[0]))
            return Reconciled(failed=1)
    done = Reconciled()
    for user_id in people:
        done += await _apart([user_id], step)
    return done


def _require_fault_of_a_person(error: Exception, people: Sequence[uuid.UUID]) -> None:
    """Raise an error that would meet everybody: the database is away, or nobody was found yet."""
    if unavailable(error) or not people:
        raise error


async def _reconcile_queued(uow: UnitOfWork, people: Sequence[uuid.UUID]) -> Reconciled:
    requirement_ids = await uow.outdated.take(people) if people else set()
    return await _settled(uow, people, requirement_ids)


async def _settled(
    uow: UnitOfWork, people: Sequence[uuid.UUID], requirement_ids: Collection[uuid.UUID]
) -> Reconciled:
    if not requirement_ids:
        return Reconciled()
    return await reconcile(uow, people, requirement_ids, change=Change.NOTHING)


async def reconcile(  # noqa: PLR0913  # the last three are rare and given by name
    uow: UnitOfWork,
    user_ids: Sequence[uuid.UUID],
    requirement_ids: Iterable[uuid.UUID] | None = None,
    *,
    today: date | None = None,
    enroll: bool = True,
    change: Change | None = None,
) -> Reconciled:
    """Work out these people within the caller's transaction, in a constant number of statements.

    The people are locked, so two runs for one person wait for each other, and the second sees what
    the first committed. Flush the change that makes this necessary before calling it. That is a
    `change` of people, or with `requirement_ids` of rules, unless the caller says otherwise.
    """
    people = await uow.employment.lock_people(user_ids)
    if requirement_ids is None:
        await uow.enrollments.follow_offices(people, uow.actor_id, uow.request_id)
        await uow.compliance_segments.take_pending(people)
        await uow.outdated.take(people)
    catalogue = await load_catalogue(uow)
    scope = (
        set(catalogue.rules)
        if requirement_ids is None
        else catalogue.sharing_modules(requirement_ids)
    )
    if not scope:
        return Reconciled(people=len(people))
    histories = await load_histories(uow, catalogue, people, today=today)
    worked_out = [
        (history, requirement_id, timeline_of(catalogue, history, requirement_id))
        for history in histories
        for requirement_id in scope
    ]
    made = change or (Change.PERSON if requirement_ids is None else Change.RULE)
    changer = Changer(uow.actor_id, scope, made)
    segments = await write_segments(uow, people, scope, worked_out, changer)
    periods = await write_periods(uow, people, scope, worked_out)
    done = Reconciled(len(people), segments, periods)
    if not enroll:
        return done
    wanted = list(_wanted(catalogue, worked_out))
    enrollments = await enroll_as_required(uow, people, catalogue, scope, wanted)
    return done + Reconciled(0, 0, 0, *enrollments)


async def reconcile_newcomer(uow: UnitOfWork, user_id: uuid.UUID) -> Reconciled:
    """Work out somebody whose row this transaction has added.

    A concurrent transaction that changes a rule cannot see the new row, so the two wait for each
    other.
    """
    await uow.employment.join_staff()
    return await reconcile(uow, [user_id])


async def reconcile_all(
    uow: UnitOfWork,
    requirement_ids: Iterable[uuid.UUID],
    *,
    enroll: bool = True,
    change: Change = Change.RULE,
) -> Reconciled:
    """Reconcile everybody with some requirements within the caller's transaction."""
    people, asked = await uow.employment.people(), list(requirement_ids)
    done = Reconciled()
    for first in range(0, len(people), BATCH):
        batch = people[first : first + BATCH]
        done += await reconcile(uow, batch, asked, enroll=enroll, change=change)
    return done


async def reconcile_module(
    uow: UnitOfWork, user_ids: Sequence[uuid.UUID], module_id: uuid.UUID
) -> Reconciled:
    """Reconcile what a completion of the module may have met."""
    return await _settled(uow, user_ids, await uow.requirements.naming_modules([module_id]))


async def reconcile_if_few(
    uow: UnitOfWork, requirement_ids: Sequence[uuid.UUID], change: Change = Change.RULE
) -> None:
    """Reconcile everybody with some requirements where people are few, else queue them.

    Locks are taken in the order rules, staff, people, counts everywhere, which prevents deadlocks.
    """
    await uow.requirements.lock(requirement_ids)
    await uow.employment.close_staff()
    if await uow.employment.headcount() > INLINE_PEOPLE:
        await queue_everybody(uow, requirement_ids)
        await _reconcile_changers(uow, requirement_ids, change=change)
    else:
        await reconcile_all(uow, requirement_ids, change=change)


async def queue_everybody(uow: UnitOfWork, requirement_ids: Iterable[uuid.UUID]) -> None:
    """Leave everybody to a job, with these requirements.

    Each change has a job of its own: one that is under way may have looked for people already.
    """
    await uow.outdated.queue(requirement_ids)
    await uow.queue.enqueue(JobName.RULES_APPLY)


async def reconcile_people(uow: UnitOfWork, user_ids: Sequence[uuid.UUID]) -> None:
    """Reconcile these people with all requirements: at once where they are few, else queued."""
    if len(user_ids) > BATCH:
        await uow.employment.close_staff()
        await queue_everybody(uow, await uow.requirements.ids())
        await uow.enrollments.follow_offices(user_ids, uow.actor_id, uow.request_id)
        await _reconcile_changers(uow, among=user_ids)
    elif user_ids:
        await reconcile(uow, user_ids)


async def _reconcile_changers(
    uow: UnitOfWork,
    requirement_ids: Sequence[uuid.UUID] | None = None,
    *,
    among: Collection[uuid.UUID] | None = None,
    change: Change | None = None,
) -> None:
    """Reconcile those at once, of people who were queued, who may make such changes themselves.

    Whoever makes this one is not to free themselves by it. Of the others it must not wait: it
    would be taken for theirs when they change something.
    """
    changers = {*await uow.employment.changers()} | ({uow.actor_id} if uow.actor_id else set())
    people = sorted(changers if among is None else changers.intersection(among))
    for first in range(0, len(people), BATCH):
        await reconcile(uow, people[first : first + BATCH], requirement_ids, change=change)


async def reconcile_publication(uow: UnitOfWork, module_id: uuid.UUID) -> None:
    """Reconcile everybody with what a new version of a module may re-open."""
    requirement_ids = await uow.requirements.naming_modules([module_id])
    if requirement_ids:
        await reconcile_if_few(uow, requirement_ids, Change.MODULE)


async def reconcile_completions(uow: UnitOfWork, user_ids: Sequence[uuid.UUID]) -> Reconciled:
    """Reconcile what these people have completed; only one cheap statement if that is nothing."""
    people = await uow.compliance_segments.people_pending(user_ids)
    if not people:
        return Reconciled()
    # Lock the people before taking their pending rows. Another transaction that holds the lock may
    # delete the same rows, and we must see that.
    people = await uow.employment.lock_people(people)
    modules = await uow.compliance_segments.take_pending(people)
    return await _settled(
        uow, people, await uow.requirements.naming_modules(modules) if modules else []
    )


def _wanted(catalogue: Catalogue, worked_out: WorkedOut) -> Iterator[Wanted]:
    """Yield what people have to study now: the modules that would settle an open period."""
    for history, requirement_id, found in worked_out:
        last = found.periods[-1] if found.periods else None
        if (
            last is None
            or last.outcome is not PeriodOutcome.OPEN
            or not _is_asked(found, history.today)
        ):
            continue
        facts = history.facts(catalogue, requirement_id)
        rules = history.rules(requirement_id)
        duty = duty_on(facts, rules, history.today, facts.incidents)
        if not isinstance(duty, Duty) or awaits_trainer(duty, last.window_start):
            continue
        if duty.rule.module_ids:
            yield Wanted(history.user_id, tuple(sorted(duty.rule.module_ids)), last.due_on)


def _is_asked(found: Timeline, today: date) -> bool:
    """Whether the person is asked for something today, and not exempt or on leave."""
    return any(
        segment.status is not ComplianceStatus.EXEMPT
        for segment in found.segments
        if segment.starts_on <= today <= segment.ends_on
    )
