import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import orjson
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import models
from app.core.database import Database
from app.core.pagination import PageRequest
from app.domain.compliance import ComplianceStatus, EmploymentState, PeriodOutcome
from app.domain.recurrence import add_days, add_months
from app.models import (
    CertificationPeriod,
    CompliancePending,
    Enrollment,
    EvidenceWithdrawal,
    RequirementVersion,
    SectionProgress,
    SupersededPeriod,
    TrainingModule,
    User,
    VerifiedEvidence,
)
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.compliance.report_scope import GroupBy, ReportScope
from app.schemas.compliance.compliance import WhyRead
from app.services.compliance.compliance import ComplianceService
from app.services.compliance.reconciliation import Reconciled, ReconciliationService, reconcile
from app.services.context import SYSTEM, RequestContext
from app.services.unit_of_work import UnitOfWork
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.planting import as_owner, unguarded
from tests.services.conftest import actor_of
from tests.support import RollbackDatabase, count_statements

LOS_ANGELES = ZoneInfo("America/Los_Angeles")


@dataclass(frozen=True, slots=True)
class Duty:
    """A published module that a requirement asks of everybody there is."""

    database: RollbackDatabase
    session: AsyncSession
    module: TrainingModule

    async def reconcile(self, *people: User) -> Reconciled:
        return await run(self.database, *people)

    async def is_shown_by(self, user: User) -> date:
        """Let the person have shown the module elsewhere, today; return the day."""
        day = await today_of(self.database, user)
        await show(self.session, user, self.module, day)
        return day

    async def enrollment(self) -> Enrollment:
        """Return the one that the requirement has made."""
        [enrollment] = await self.session.scalars(
            select(Enrollment).execution_options(populate_existing=True)
        )
        return enrollment


@pytest.fixture
async def duty(session: AsyncSession, database: RollbackDatabase, learner: User) -> Duty:
    module = await make_module(session)
    await publish(database, module)
    await make_requirement(database, module.id)
    return Duty(database, session, module)


async def run(database: Database, *people: User) -> Reconciled:
    async with UnitOfWork(database, SYSTEM) as uow:
        return await reconcile(uow, [person.id for person in people])


async def show(session: AsyncSession, user: User, module: TrainingModule, day: date) -> None:
    async with unguarded(session):
        session.add(
            VerifiedEvidence(user_id=user.id, module_id=module.id, day=day, recorded_on=day)
        )
    await session.commit()


async def today_of(database: Database, user: User) -> date:
    async with UnitOfWork(database, SYSTEM) as uow:
        return await uow.employment.today_of(user.id)


class TestReconcile:
    async def test_the_second_time_writes_nothing(self, duty: Duty, learner: User) -> None:
        assert (await duty.reconcile(learner)).changed == 0

    async def test_meets_and_withdraws(
        self, duty: Duty, session: AsyncSession, learner: User
    ) -> None:
        day = await duty.is_shown_by(learner)
        done = await duty.reconcile(learner)
        assert (done.periods, done.withdrawn) == (1, 1)
        [period] = await session.scalars(select(CertificationPeriod))
        assert (period.outcome, period.met_on) == ("met", day)
        assert (await duty.enrollment()).status is EnrollmentStatus.WITHDRAWN

    async def test_what_was_begun_stays(
        self, duty: Duty, session: AsyncSession, learner: User
    ) -> None:
        section_id = duty.module.sections[0].id
        enrollment_id = (await duty.enrollment()).id
        session.add(SectionProgress(enrollment_id=enrollment_id, section_id=section_id))
        await duty.is_shown_by(learner)
        done = await duty.reconcile(learner)
        assert (done.withdrawn, done.dated) == (0, 1)
        enrollment = await duty.enrollment()
        assert (enrollment.status, enrollment.due_on) == (EnrollmentStatus.ACTIVE, None)

    async def test_statements_do_not_grow(self, duty: Duty, session: AsyncSession) -> None:
        people = [await make_user(session) for _ in range(12)]
        await duty.reconcile(*people)
        counts = []
        for some in (people[:2], people):
            for person in some:
                await duty.is_shown_by(person)
            with count_statements(duty.database.engine) as statements:
                await duty.reconcile(*some)
            counts.append(statements.count)
        assert counts[0] == counts[1]

    async def test_dry_run_writes_nothing(self, duty: Duty, learner: User) -> None:
        await duty.is_shown_by(learner)
        service = ReconciliationService(duty.database, SYSTEM)
        counted = await service.run([learner.id], dry_run=True)
        assert counted.changed > 0
        assert await service.run([learner.id], dry_run=True) == counted
        assert await service.run([learner.id]) == counted
        assert (await service.run([learner.id])).changed == 0


class TestClosedPeriods:
    async def test_the_database_refuses_to_change_them(
        self, session: AsyncSession, database: RollbackDatabase, learner: User
    ) -> None:
        requirement = await make_requirement(database, (await make_module(session)).id)
        day = date(2020, 1, 1)
        session.add(
            CertificationPeriod(
                user_id=learner.id,
                requirement_id=requirement.id,
                number=7,
                cause="initial",
                window_start=day,
                outcome="met",
                closed_on=day,
            )
        )
        await session.commit()
        for change in (
            "UPDATE certification_periods SET due_on = now() WHERE number = 7",
            "DELETE FROM certification_periods WHERE number = 7",
        ):
            with pytest.raises(DBAPIError, match="is closed"):
                async with session.begin_nested():
                    await session.execute(text(change))


class TestPending:
    async def test_a_crash_after_a_completion_loses_nothing(
        self, duty: Duty, session: AsyncSession, learner: User
    ) -> None:
        pending = select(func.count()).select_from(CompliancePending)
        section_id = duty.module.sections[0].id
        enrollment_id = (await duty.enrollment()).id
        # Where the application would reconcile after the commit.
        await as_owner(
            session,
            f"SELECT complete_section('{enrollment_id}', '{section_id}', '{learner.id}', NULL)",
        )
        await session.commit()
        assert await session.scalar(pending) == 1
        done = await ReconciliationService(duty.database, SYSTEM).run_pending()
        assert done.periods == 1
        assert await session.scalar(pending) == 0
        assert (await duty.reconcile(learner)).changed == 0


@pytest.mark.full
class TestTwoAtOnce:
    async def test_write_once(self, committed_database: Database) -> None:
        async with committed_database.writing() as session:
            people = [await make_user(session) for _ in range(20)]
            modules = [await make_module(session) for _ in range(5)]
        for module in modules:
            await publish(committed_database, module)
            await make_requirement(committed_database, module.id)
        service = ReconciliationService(committed_database, SYSTEM)
        day = await today_of(committed_database, people[0])
        alone = 0
        for module in modules:
            async with committed_database.writing() as session:
                for person in people:
                    await show(session, person, module, day)
            results = await asyncio.gather(*(service.run() for _ in range(4)))
            assert sum(result.periods for result in results) == len(people)
            alone += sum(result.changed > 0 for result in results)
            assert (await service.run()).changed == 0
        assert alone == len(modules)


class TestLicenceCycles:
    async def test_the_cycle_is_that_of_the_licence_on_record(
        self, session: AsyncSession, database: RollbackDatabase, learner: User, admin: User
    ) -> None:
        module = await make_module(session)
        await publish(database, module)
        renewal = {"anchor": "licence_cycle", "months": 24, "licence_kind": "RDH"}
        await make_requirement(database, module.id, renewal=renewal)
        today = await today_of(database, learner)
        expiry = add_days(today, 100)
        async with unguarded(session):
            session.add(
                VerifiedEvidence(
                    user_id=learner.id,
                    day=add_months(expiry, -24),
                    recorded_on=today,
                    credential_kind="RDH",
                    printed_expiry=expiry,
                )
            )
        await show(session, learner, module, today)
        await run(database, learner)
        service = ComplianceService(database, RequestContext(actor_of(admin)))
        [line] = (await service.of_user(learner.id, None, None)).value.items
        assert line.valid_through == add_months(expiry, 24)
        [period] = await session.scalars(
            select(CertificationPeriod).where(CertificationPeriod.user_id == learner.id)
        )
        assert period.valid_through == add_months(expiry, 24)


class TestWhatWasKnown:
    async def test_late_evidence_supersedes_and_deletes_nothing(
        self, duty: Duty, session: AsyncSession, learner: User, admin: User
    ) -> None:
        first = await today_of(duty.database, learner)
        later = first + timedelta(days=10)
        await duty.reconcile(learner)
        trained = first - timedelta(days=5)
        async with unguarded(session):
            session.add(
                VerifiedEvidence(
                    user_id=learner.id, module_id=duty.module.id, day=trained, recorded_on=later
                )
            )
        await session.commit()
        async with UnitOfWork(duty.database, SYSTEM) as uow:
            assert (await reconcile(uow, [learner.id], today=later)).segments

        async def told(
            as_of: date, known_on: date | None
        ) -> list[tuple[ComplianceStatus, date | None]]:
            scope = ReportScope(as_of, user_ids=(learner.id,), known_on=known_on)
            async with UnitOfWork(duty.database, SYSTEM) as uow:
                page = await uow.reports.lines(
                    actor_of(admin), scope, PageRequest(include_total=True)
                )
                matrix = orjson.loads(
                    await uow.reports.matrix(actor_of(admin), scope, GroupBy.LOCATION)
                )
                await uow.reports.forecast(actor_of(admin), scope, 2)
            assert page.total == len(page.items)
            [group] = matrix["groups"]
            assert group["counts"][page.items[0].status] == 1
            assert matrix["known_on"] == (known_on and known_on.isoformat())
            return [(line.status, line.due_on) for line in page.items]

        [(then, _)] = await told(first, first)
        [(now, _)] = await told(first, None)
        assert (then, now) == (ComplianceStatus.DUE, ComplianceStatus.COMPLIANT)
        assert await told(first, later) == await told(first, None)
        assert await told(first, later - timedelta(days=1)) == await told(first, first)

    async def test_why_explains_what_is_known_now_and_what_was_then(
        self, duty: Duty, session: AsyncSession, learner: User, admin: User
    ) -> None:
        today = await today_of(duty.database, learner)
        day, trained = today - timedelta(days=20), today - timedelta(days=40)
        begun = today - timedelta(days=45)
        [version] = await session.scalars(select(RequirementVersion))
        session.add_all(
            [
                models.EmploymentChange(
                    user_id=learner.id,
                    effective_on=begun,
                    recorded_on=begun,
                    state=EmploymentState.ACTIVE,
                    role=learner.role,
                ),
                RequirementVersion(
                    requirement_id=version.requirement_id,
                    number=0,
                    effective_from=begun,
                    recorded_on=begun,
                    rule=version.rule,
                ),
            ]
        )
        async with unguarded(session):
            session.add(
                VerifiedEvidence(
                    user_id=learner.id, module_id=duty.module.id, day=trained, recorded_on=today
                )
            )
        await session.commit()
        service = ComplianceService(duty.database, RequestContext(actor_of(admin)))

        async def why(as_of: date, known_on: date | None = None) -> WhyRead:
            [line] = (await service.of_user(learner.id, as_of, known_on)).value.items
            return line.why

        for known_on in (None, day):
            told = await why(day, known_on)
            assert told.known_now
            assert told.known_then
            now, then = told.known_now, told.known_then
            assert (now.known_on, now.status) == (today, ComplianceStatus.COMPLIANT)
            assert (then.known_on, then.status) == (day, ComplianceStatus.DUE)
            assert told.summary == (then if known_on else now).summary
        of_today = await why(today)
        assert (of_today.known_now, of_today.known_then) == (None, None)

    async def test_a_closed_period_that_was_otherwise_is_kept(
        self, duty: Duty, session: AsyncSession, learner: User
    ) -> None:
        first = await today_of(duty.database, learner)
        later = first + timedelta(days=10)
        forged = VerifiedEvidence(
            user_id=learner.id, module_id=duty.module.id, day=first, recorded_on=first
        )
        async with unguarded(session):
            session.add(forged)
        await session.commit()
        await duty.reconcile(learner)
        session.add(EvidenceWithdrawal(evidence_id=forged.id, reason="Forged", recorded_on=later))
        await session.commit()
        async with UnitOfWork(duty.database, SYSTEM) as uow:
            assert (await reconcile(uow, [learner.id], today=later)).periods
            assert (await reconcile(uow, [learner.id], today=later)).changed == 0
        [held] = await session.scalars(select(SupersededPeriod))
        assert (held.met_by, held.superseded_on) == (forged.id, later)
        [now] = await session.scalars(select(CertificationPeriod))
        assert (now.outcome, now.met_by) == (PeriodOutcome.OPEN, None)
