import uuid
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.models import (
    AuditEvent,
    CompliancePending,
    Department,
    Enrollment,
    ModulePrerequisite,
    ModuleVersion,
    SectionProgress,
    TrainingModule,
    User,
    VersionSection,
)
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.people.visibility import Whose
from app.repositories.study.assignment import Assignment, AssignmentCount, PeopleFilter
from app.repositories.study.enrollment import EnrollmentFilter, EnrollmentRepository
from app.repositories.study.study import Admission, StudyRepository
from tests.factories.enrollment import NOW, make_enrollment, make_version
from tests.factories.module import make_module, publish
from tests.factories.user import make_location, make_user
from tests.repositories.conftest import actor_of
from tests.support import RollbackDatabase

ASSIGNMENT_ID = uuid.uuid4()


class TestRows:
    async def test_one_open_enrollment_for_a_person_and_a_module(self, store: AsyncSession) -> None:
        user, version = await make_user(store), await make_version(store)
        await make_enrollment(store, user, version=version)
        with pytest.raises(IntegrityError):
            await make_enrollment(store, user, version=version)

    async def test_closed_ones_do_not_count(self, store: AsyncSession) -> None:
        user, version = await make_user(store), await make_version(store)
        closed = {"status": EnrollmentStatus.WITHDRAWN, "version": version}
        await make_enrollment(store, user, **closed)
        await make_enrollment(store, user, **closed)
        done = {"status": EnrollmentStatus.COMPLETED, "completed_at": NOW}
        await make_enrollment(store, user, version=version, **done)
        opened = await make_enrollment(store, user, version=version)
        still = select(Enrollment.id).where(Enrollment.status == EnrollmentStatus.ACTIVE)
        assert (await store.scalars(still)).one() == opened.id

    @pytest.mark.parametrize(
        "fields",
        [
            {"progress_percent": 101},
            {"progress_percent": -1},
            {"status": EnrollmentStatus.COMPLETED},
            {"completed_at": NOW},
        ],
    )
    async def test_the_database_knows_the_rules(
        self, store: AsyncSession, fields: dict[str, Any]
    ) -> None:
        user = await make_user(store)
        with pytest.raises(IntegrityError):
            await make_enrollment(store, user, **fields)

    async def test_progress_is_a_part_of_its_enrollment(self, store: AsyncSession) -> None:
        enrollment = await make_enrollment(store, await make_user(store))
        store.add(SectionProgress(enrollment_id=enrollment.id, section_id=uuid.uuid4()))
        await store.commit()
        store.expunge_all()
        read = await store.get_one(Enrollment, enrollment.id)
        assert [part.seconds_spent for part in read.progress] == [0]

    async def test_sections_come_in_order_with_their_progress(self, store: AsyncSession) -> None:
        enrollment = await make_enrollment(store, await make_user(store))
        ids = [uuid.uuid4() for _ in range(3)]
        for position, section_id in zip((3, 1, 2), ids, strict=True):
            store.add(
                VersionSection(
                    version_id=enrollment.version_id,
                    section_id=section_id,
                    position=position,
                    kind="text",
                    completed_by="report",
                    title=f"Part {position}",
                    required=True,
                )
            )
        store.add(SectionProgress(enrollment_id=enrollment.id, section_id=ids[0]))
        await store.flush()
        rows = await EnrollmentRepository(store).sections(enrollment.id, enrollment.version_id)
        assert [row.rule.title for row in rows] == ["Part 1", "Part 2", "Part 3"]
        seconds = [row.progress.seconds_spent if row.progress else None for row in rows]
        assert seconds == [None, None, 0]


class TestVisibility:
    async def test_lists_and_direct_reads_agree(self, store: AsyncSession) -> None:
        office = await make_location(store)
        owner = await make_user(store, location_id=office.id)
        enrollment = await make_enrollment(store, owner)
        readers = {
            "owner": owner,
            "colleague": await make_user(store, location_id=office.id),
            "author": await make_user(store, role=Role.AUTHOR, location_id=office.id),
            "manager": await make_user(store, role=Role.MANAGER, location_id=office.id),
            "other manager": await make_user(store, role=Role.MANAGER),
            "admin": await make_user(store, role=Role.ADMIN),
        }
        enrollments = EnrollmentRepository(store)
        filters = EnrollmentFilter(Whose((owner.id,)))
        listed, read, locked = set(), set(), set()
        for name, reader in readers.items():
            actor = actor_of(reader)
            if (await enrollments.list_visible(actor, filters, PageRequest())).items:
                listed.add(name)
            if await enrollments.get_visible(enrollment.id, actor):
                read.add(name)
            if await enrollments.lock_visible(enrollment.id, actor):
                locked.add(name)
        assert listed == read == locked == {"owner", "manager", "admin"}

    async def test_the_own_list_is_the_default(self, store: AsyncSession) -> None:
        admin, other = await make_user(store, role=Role.ADMIN), await make_user(store)
        own = await make_enrollment(store, admin)
        theirs = await make_enrollment(store, other)
        enrollments = EnrollmentRepository(store)
        page = await enrollments.list_visible(actor_of(admin), EnrollmentFilter(), PageRequest())
        assert [item["id"] for item in page.items] == [own.id]
        filters = EnrollmentFilter(Whose((other.id,)))
        page = await enrollments.list_visible(actor_of(admin), filters, PageRequest())
        assert [item["id"] for item in page.items] == [theirs.id]


async def enroll(database: RollbackDatabase, user: User, module_id: uuid.UUID) -> Admission:
    admission = await StudyRepository(database.fetch).enroll(user.id, module_id, "r-1")
    assert admission is not None
    return admission


class TestEnroll:
    @pytest.fixture
    async def module(self, session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
        module = await make_module(session)
        await publish(database, module)
        return module

    async def test_one_row_and_one_event(
        self,
        session: AsyncSession,
        database: RollbackDatabase,
        learner: User,
        module: TrainingModule,
    ) -> None:
        first = await enroll(database, learner, module.id)
        again = await enroll(database, learner, module.id)
        assert first.created is not None
        assert (again.module_exists, again.created) == (True, None)
        created = select(AuditEvent).where(AuditEvent.action == "enrollment:created")
        event = (await session.scalars(created)).one()
        assert (event.target_id, event.actor_id) == (uuid.UUID(first.created["id"]), learner.id)
        assert event.request_id == "r-1"

    async def test_drafts_and_strangers_are_unknown(
        self, session: AsyncSession, learner: User, database: RollbackDatabase
    ) -> None:
        draft = await make_module(session)
        for module_id in (draft.id, uuid.uuid4()):
            admission = await enroll(database, learner, module_id)
            assert admission == Admission(None, module_exists=False, prerequisites_missing=[])

    async def test_prerequisites_must_be_completed(
        self,
        session: AsyncSession,
        learner: User,
        module: TrainingModule,
        database: RollbackDatabase,
    ) -> None:
        first, second = await make_version(session), await make_version(session)
        for required in (first, second):
            session.add(ModulePrerequisite(module_id=module.id, requires_id=required.module_id))
        done = {"status": EnrollmentStatus.COMPLETED, "completed_at": NOW}
        await make_enrollment(session, learner, version=first, **done)
        await make_enrollment(session, learner, version=second)
        admission = await enroll(database, learner, module.id)
        assert admission.prerequisites_missing == [second.module_id]
        assert admission.created is None


Dates = tuple[str, str | None, str]
"""The source of an enrollment, its date, and its date after an assignment."""


class TestAssign:
    @pytest.fixture
    async def module(self, session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
        module = await make_module(session)
        await publish(database, module)
        return module

    async def assign(
        self, session: AsyncSession, by: User, module_id: uuid.UUID, people: PeopleFilter
    ) -> AssignmentCount:
        assignment = Assignment(ASSIGNMENT_ID, module_id, people, date(2027, 1, 31))
        return await EnrollmentRepository(session).assign(assignment, actor_of(by), "r-1")

    async def test_counts_the_new_ones(
        self, session: AsyncSession, database: RollbackDatabase, admin: User, module: TrainingModule
    ) -> None:
        people = [await make_user(session) for _ in range(3)]
        await enroll(database, people[0], module.id)
        filters = PeopleFilter(user_ids=[user.id for user in people])
        for created in (2, 0):
            count = await self.assign(session, admin, module.id, filters)
            assert (count.module_exists, count.allowed, count.created) == (True, 3, created)
        rows = await session.scalars(select(Enrollment).order_by(Enrollment.source))
        assert [(row.source, row.due_on) for row in rows] == [("assigned", date(2027, 1, 31))] * 3

    @pytest.mark.parametrize(
        "dates",
        [
            ("self", None, "2027-01-31"),
            ("rule", "2027-01-30", "2027-01-30"),
            ("rule", "2027-02-01", "2027-01-31"),
            ("assigned", None, "2027-01-31"),
            ("assigned", "2027-01-30", "2027-01-31"),
        ],
    )
    async def test_holds_whatever_was_there(
        self,
        session: AsyncSession,
        admin: User,
        module: TrainingModule,
        dates: Dates,
    ) -> None:
        source, before, after = dates
        user, people = await self.enrolled(session, source, before)
        count = await self.assign(session, admin, module.id, people)
        assert (count.allowed, count.created) == (1, 0)
        row = (
            await session.scalars(select(Enrollment).execution_options(populate_existing=True))
        ).one()
        event = (await session.scalars(select(AuditEvent).filter_by(target_id=row.id))).one()
        assert (event.action, event.actor_id) == ("enrollment:assigned", admin.id)
        assert event.before == {"source": source, "due_on": before}
        assert event.after == {
            "assignment_id": str(ASSIGNMENT_ID),
            "module_id": str(module.id),
            "user_id": str(user.id),
            "source": row.source,
            "due_on": row.due_on and row.due_on.isoformat(),
        }
        assert (event.after["source"], event.after["due_on"]) == ("assigned", after)

    async def test_again_changes_nothing(
        self, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        people = PeopleFilter(user_ids=[(await make_user(session)).id])
        for _ in range(2):
            await self.assign(session, admin, module.id, people)
        events = await session.scalars(select(AuditEvent.action).filter_by(actor_id=admin.id))
        assert sorted(events) == ["assignment:created", "enrollment:created"]

    async def test_a_date_put_off_is_reckoned_with(
        self, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        user, people = await self.enrolled(session, "assigned", "2027-01-30")
        await self.assign(session, admin, module.id, people)
        pending = (await session.scalars(select(CompliancePending))).one()
        assert (pending.user_id, pending.module_id) == (user.id, module.id)

    async def enrolled(
        self, session: AsyncSession, source: str, due_on: str | None
    ) -> tuple[User, PeopleFilter]:
        user = await make_user(session)
        version = (await session.scalars(select(ModuleVersion))).one()
        day = date.fromisoformat(due_on) if due_on else None
        await make_enrollment(session, user, version=version, source=source, due_on=day)
        return user, PeopleFilter(user_ids=[user.id])

    async def test_one_without_a_date_keeps_what_is_there(
        self, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        user = await make_user(session)
        people = PeopleFilter(user_ids=[user.id])
        await self.assign(session, admin, module.id, people)
        undated = Assignment(ASSIGNMENT_ID, module.id, people, None)
        await EnrollmentRepository(session).assign(undated, actor_of(admin), None)
        row = (await session.scalars(select(Enrollment))).one()
        assert row.due_on == date(2027, 1, 31)

    async def test_each_row_has_its_event(
        self, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        user = await make_user(session)
        await self.assign(session, admin, module.id, PeopleFilter(user_ids=[user.id]))
        created = select(AuditEvent).where(AuditEvent.action == "enrollment:created")
        event = (await session.scalars(created)).one()
        enrollment = (await session.scalars(select(Enrollment))).one()
        assert (event.target_id, event.actor_id) == (enrollment.id, admin.id)
        assert event.after == {
            "assignment_id": str(ASSIGNMENT_ID),
            "module_id": str(module.id),
            "user_id": str(user.id),
            "source": "assigned",
            "due_on": "2027-01-31",
        }

    async def test_a_draft_takes_nobody(self, session: AsyncSession, admin: User) -> None:
        draft = await make_module(session)
        count = await self.assign(session, admin, draft.id, PeopleFilter())
        assert (count.module_exists, count.created) == (False, 0)

    async def test_filters_meet(
        self, session: AsyncSession, admin: User, module: TrainingModule
    ) -> None:
        office = await make_location(session, name="North")
        department = Department(name="Hygiene")
        session.add(department)
        await session.flush()
        fields = {"location_id": office.id, "department_id": department.id}
        both = await make_user(session, job_title="Hygienist", **fields)
        await make_user(session, location_id=office.id, role=Role.MANAGER)
        await make_user(session, is_active=False, **fields)
        for people, expected in (
            (PeopleFilter(), 3),
            (PeopleFilter(location="NORTH"), 2),
            (PeopleFilter(location_id=office.id), 2),
            (PeopleFilter(department="hygiene"), 1),
            (PeopleFilter(job_title="HYGIENIST", location="north"), 1),
            (PeopleFilter(role=Role.MANAGER), 1),
            (PeopleFilter(user_ids=[both.id, uuid.uuid4()]), 1),
            (PeopleFilter(user_ids=[]), 0),
        ):
            count = await self.assign(session, admin, module.id, people)
            assert count.allowed == expected, asdict(people)

    async def test_managers_assign_to_their_people_alone(
        self, session: AsyncSession, module: TrainingModule
    ) -> None:
        office = await make_location(session)
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        colleague = await make_user(session, location_id=office.id)
        report = await make_user(session, manager_id=manager.id)
        stranger = await make_user(session)
        everybody = [manager.id, colleague.id, report.id, stranger.id]
        for people in (PeopleFilter(), PeopleFilter(user_ids=everybody)):
            count = await self.assign(session, manager, module.id, people)
            assert count.allowed == 3
        enrolled = await session.scalars(select(Enrollment.user_id))
        assert set(enrolled) == {manager.id, colleague.id, report.id}


class TestOverdue:
    @pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/Los_Angeles", "Pacific/Niue"])
    async def test_the_day_ends_where_the_person_works(
        self, session: AsyncSession, zone: str
    ) -> None:
        office = await make_location(session, time_zone=zone)
        user = await make_user(session, location_id=office.id)
        now: datetime = (await session.execute(select(func.now()))).scalar_one()
        today = now.astimezone(ZoneInfo(zone)).date()
        late = await make_enrollment(session, user, due_on=today - timedelta(days=1))
        due = await make_enrollment(session, user, due_on=today)
        free = await make_enrollment(session, user)
        assert await self.ids(session, user, overdue=True) == {late.id}
        assert await self.ids(session, user, overdue=False) == {due.id, free.id}

    async def test_what_is_done_is_never_late(self, session: AsyncSession, learner: User) -> None:
        done = {"status": EnrollmentStatus.COMPLETED, "completed_at": NOW}
        await make_enrollment(session, learner, due_on=date(2020, 1, 1), **done)
        assert await self.ids(session, learner, overdue=True) == set()

    async def ids(self, session: AsyncSession, user: User, *, overdue: bool) -> set[uuid.UUID]:
        page = await EnrollmentRepository(session).list_visible(
            actor_of(user), EnrollmentFilter(overdue=(overdue,)), PageRequest()
        )
        return {item["id"] for item in page.items}
