"""A small clinic in which everybody owns something, for tests of access rights."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date

from sqlalchemy import select, update

from app.core.database import Database
from app.core.pagination import PageRequest
from app.domain.actor import Actor, Role
from app.domain.outreach.job import JobName, JobStatus
from app.models import Department, Job, JobTitle, Location, LocationManager, TrainingModule, User
from app.schemas.evidence.training_record import TrainingRecordRead
from app.schemas.study.enrollment import EnrollmentCreate, ProgressReport
from app.services.context import SYSTEM, RequestContext
from app.services.evidence.training_record import TrainingRecordService
from app.services.study.attempt import AttemptService
from app.services.study.enrollment import EnrollmentService
from app.services.unit_of_work import UnitOfWork
from tests.factories.enrollment import enrollment_service
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    quiz_section,
    text_section,
)
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words


@dataclass(frozen=True, slots=True)
class People:
    """`manager` answers for `learner`'s office, `far_manager` for `other_learner`'s."""

    learner: User
    other_learner: User
    manager: User
    far_manager: User
    regional_manager: User
    """Works nowhere in particular, and was given both offices."""

    author: User
    officer: User
    admin: User

    def __iter__(self) -> Iterator[tuple[str, User]]:
        return ((field.name, getattr(self, field.name)) for field in fields(self))


@dataclass(frozen=True, slots=True)
class Training:
    """What one learner has: an enrollment with an open attempt, and a record of another module."""

    enrollment_id: uuid.UUID
    attempt_id: uuid.UUID
    record_id: uuid.UUID


@dataclass(frozen=True, slots=True)
class World:
    people: People
    office: Location
    far_office: Location
    department: Department
    job_title: JobTitle
    module: TrainingModule
    """Published; its sections are a text, a policy to sign and a quiz, in this order."""

    short_module: TrainingModule
    """Published; everybody has completed its one text."""

    draft: TrainingModule
    training: dict[str, Training]
    """By the name of the learner."""

    given_up_job_id: int


# Long ago: without it people begin on the day that it is at their office, and yesterday, on which
# the matrix dates what it records, comes before that.
HIRED_ON = date(2020, 1, 6)


async def build_world(database: Database) -> World:
    async with database.writing() as session:
        office, far_office = await make_location(session), await make_location(session)
        await list_words(session, departments=["Executives"], job_titles=["Hygienist"])
        department = (await session.scalars(select(Department))).one()
        job_title = (await session.scalars(select(JobTitle))).one()
        people = People(
            learner=await make_user(session, location_id=office.id, hired_on=HIRED_ON),
            other_learner=await make_user(session, location_id=far_office.id, hired_on=HIRED_ON),
            manager=await make_user(session, role=Role.MANAGER, location_id=office.id),
            far_manager=await make_user(session, role=Role.MANAGER, location_id=far_office.id),
            regional_manager=await make_user(session, role=Role.MANAGER),
            officer=await make_user(session, role=Role.COMPLIANCE_OFFICER),
            author=await make_user(session, role=Role.AUTHOR),
            admin=await make_user(session, role=Role.ADMIN),
        )
        session.add_all(
            LocationManager(location_id=each.id, user_id=people.regional_manager.id)
            for each in (office, far_office)
        )
        await session.commit()
        module = await make_module(
            session, text_section(), acknowledgement_section(), quiz_section()
        )
        short_module, draft = await make_module(session), await make_module(session)
    await publish(database, module)
    await publish(database, short_module)
    training = {
        name: await _study(database, getattr(people, name), module, short_module)
        for name in ("learner", "other_learner")
    }
    return World(
        people,
        office,
        far_office,
        department,
        job_title,
        module,
        short_module,
        draft,
        training,
        await _give_up(database),
    )


async def _give_up(database: Database) -> int:
    async with UnitOfWork(database, SYSTEM) as uow:
        await uow.queue.enqueue(JobName.MEDIA_SWEEP)
    given_up = update(Job).values(status=JobStatus.FAILED, attempts=6).returning(Job.id)
    async with database.writing() as session:
        job_id = (await session.scalars(given_up)).one()
        await session.commit()
    return job_id


async def _study(
    database: Database, user: User, module: TrainingModule, short_module: TrainingModule
) -> Training:
    context = RequestContext(Actor(user.id, user.role, user.location_id))
    enrollments = enrollment_service(database, context)
    short = await _enroll(enrollments, short_module)
    report = ProgressReport(seconds_spent=60, completed=True)
    await enrollments.report_progress(short, short_module.sections[0].id, report)
    records = await TrainingRecordService(database, context).list(PageRequest())
    enrollment_id = await _enroll(enrollments, module)
    quiz = module.sections[2]
    attempt = await AttemptService(database, context).start(enrollment_id, quiz.id)
    attempt_id = attempt.value.id
    return Training(enrollment_id, attempt_id, _only(records.items).id)


async def _enroll(enrollments: EnrollmentService, module: TrainingModule) -> uuid.UUID:
    answer = await enrollments.enroll(EnrollmentCreate(module_id=module.id))
    return answer.value.id


def _only(records: list[TrainingRecordRead]) -> TrainingRecordRead:
    (record,) = records
    return record
