"""Statements of every list, counted with one row and with many: the number must not grow."""

import inspect
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.models import (
    AuditEvent,
    Department,
    Enrollment,
    LocationManager,
    ModulePrerequisite,
    RecordSeal,
    SealedRecord,
    Signature,
    TrainingModule,
    User,
)
from app.repositories.content.module import ModuleFilter, ModuleRepository
from app.repositories.content.version import VersionRepository
from app.repositories.evidence.audit_event import AuditEventRepository, AuditFilter
from app.repositories.evidence.seal import SealRepository
from app.repositories.evidence.training_record import TrainingRecordRepository
from app.repositories.people.department import DepartmentRepository
from app.repositories.people.job_title import JobTitleRepository
from app.repositories.people.location import LocationRepository
from app.repositories.people.user import UserFilter, UserRepository
from app.repositories.study.enrollment import EnrollmentFilter, EnrollmentRepository
from tests.factories.module import make_module, publish, quiz_section, single_choice, text_section
from tests.factories.user import make_location, make_user
from tests.planting import plant
from tests.repositories.conftest import actor_of
from tests.support import RollbackDatabase, count_statements

MANY = 12
PAGE = PageRequest(limit=100, include_total=True)
REPOSITORIES = (
    AuditEventRepository,
    DepartmentRepository,
    JobTitleRepository,
    EnrollmentRepository,
    LocationRepository,
    ModuleRepository,
    SealRepository,
    TrainingRecordRepository,
    UserRepository,
    VersionRepository,
)


class World:
    """A person, a module, and as many of everything as is asked for."""

    def __init__(self, session: AsyncSession, database: RollbackDatabase) -> None:
        self.session = session
        self.database = database
        self.user: User
        self.module: TrainingModule
        self.enrollment_id: uuid.UUID | None = None

    async def begin(self) -> None:
        self.user = await make_user(self.session, role=Role.ADMIN)
        self.location = await make_location(self.session)
        self.module = await make_module(self.session, text_section(), quiz_section())
        self.seal = await plant(
            self.session,
            RecordSeal,
            number=1,
            record_count=1,
            merkle_root="0" * 64,
            previous_hash="0" * 64,
            hash="1" * 64,
        )
        await self.session.commit()

    async def grow(self, count: int) -> None:
        for number in range(count):
            await self._one_more(f"{count}-{number}")

    async def _one_more(self, label: str) -> None:
        session = self.session
        department = Department(name=f"Department {label}")
        session.add(department)
        await session.flush()
        office = await make_location(session)
        user = await make_user(session, location_id=office.id, department_id=department.id)
        module = await make_module(session, text_section())
        version = await publish(self.database, module)
        await self._publish_again(label)
        enrollment = Enrollment(user_id=self.user.id, module_id=module.id, version_id=version.id)
        session.add_all(
            [
                enrollment,
                LocationManager(location_id=self.location.id, user_id=user.id),
                ModulePrerequisite(module_id=self.module.id, requires_id=module.id),
            ]
        )
        await plant(
            session, AuditEvent, action="user:updated", target_type="user", target_id=user.id
        )
        await plant(
            session,
            SealedRecord,
            seal_id=self.seal.id,
            position=hash(label) % 2**31,
            record_id=uuid.uuid4(),
            record_hash="0" * 64,
        )
        await session.flush()
        self.enrollment_id = self.enrollment_id or enrollment.id
        await plant(
            session,
            Signature,
            enrollment_id=self.enrollment_id,
            section_id=uuid.uuid4(),
            user_id=self.user.id,
            printed_name="Ada",
            meaning="I have read it.",
            document_sha256="0" * 64,
        )
        await session.commit()

    async def _publish_again(self, label: str) -> None:
        """Add a section and a question to the module; make them its next version."""
        module = await self.session.get_one(TrainingModule, self.module.id, populate_existing=True)
        quiz = quiz_section(single_choice(), single_choice(prompt=label))
        quiz.position = len(module.sections) + 1
        module.sections.append(quiz)
        await self.session.commit()
        self.version = await publish(self.database, module)


async def _records(world: World) -> object:
    records = TrainingRecordRepository(world.session)
    return [record async for record in records.stream_all()]


async def _sections(world: World) -> object:
    return await EnrollmentRepository(world.session).sections(uuid.uuid4(), world.version.id)


Case = Callable[[World], Awaitable[object]]
LISTS: dict[str, Case] = {
    "AuditEventRepository.list_all": lambda world: AuditEventRepository(world.session).list_all(
        AuditFilter(), PAGE
    ),
    "DepartmentRepository.list_page": lambda world: DepartmentRepository(world.session).list_page(
        PAGE
    ),
    "JobTitleRepository.list_page": lambda world: JobTitleRepository(world.session).list_page(PAGE),
    "EnrollmentRepository.list_visible": lambda world: EnrollmentRepository(
        world.session
    ).list_visible(actor_of(world.user), EnrollmentFilter(overdue=False), PAGE),
    "EnrollmentRepository.sections": _sections,
    "EnrollmentRepository.signatures": lambda world: EnrollmentRepository(world.session).signatures(
        world.enrollment_id or uuid.uuid4()
    ),
    "LocationRepository.list_not_deleted": lambda world: LocationRepository(
        world.session
    ).list_not_deleted(PAGE),
    "LocationRepository.manager_ids": lambda world: LocationRepository(world.session).manager_ids(
        world.location.id
    ),
    "ModuleRepository.catalogue": lambda world: ModuleRepository(world.session).catalogue(
        actor_of(world.user), ModuleFilter(), PAGE
    ),
    "ModuleRepository.prerequisite_ids": lambda world: ModuleRepository(
        world.session
    ).prerequisite_ids(world.module.id),
    "SealRepository.all": lambda world: SealRepository(world.session).all(),
    "SealRepository.leaves": lambda world: SealRepository(world.session).leaves(world.seal.id),
    "SealRepository.list_all": lambda world: SealRepository(world.session).list_all(PAGE),
    "TrainingRecordRepository.list_visible": lambda world: TrainingRecordRepository(
        world.session
    ).list_visible(actor_of(world.user), PAGE),
    "TrainingRecordRepository.stream_all": _records,
    "TrainingRecordRepository.with_ce_hours": lambda world: TrainingRecordRepository(
        world.session
    ).with_ce_hours(world.user.id),
    "UserRepository.list_visible": lambda world: UserRepository(world.session).list_visible(
        actor_of(world.user), UserFilter(q="person"), PAGE
    ),
    "UserRepository.claim_name": lambda world: UserRepository(world.session).claim_name("ada"),
    "UserRepository.names_of_others": lambda world: UserRepository(world.session).names_of_others(
        world.user.id
    ),
    "VersionRepository.current_outline": lambda world: VersionRepository(
        world.session
    ).current_outline(world.module.id),
    "VersionRepository.list_of": lambda world: VersionRepository(world.session).list_of(
        world.module.id, PAGE
    ),
    # Not a list, but it contains lists: two more statements, however many rows there are.
    "ModuleRepository.not_deleted": lambda world: ModuleRepository(world.session).not_deleted(
        world.module.id
    ),
}


async def counts(world: World) -> dict[str, int]:
    found = {}
    for name, read in LISTS.items():
        world.session.expunge_all()
        with count_statements(world.database.engine) as statements:
            await read(world)
        found[name] = statements.count
    return found


async def test_no_list_grows_with_its_rows(
    session: AsyncSession, database: RollbackDatabase
) -> None:
    world = World(session, database)
    await world.begin()
    await world.grow(1)
    few = await counts(world)
    await world.grow(MANY)
    many = await counts(world)
    assert many == few
    assert set(few.values()) <= {1, 2, 3}


async def test_a_list_that_asks_for_each_row_is_noticed(
    session: AsyncSession, database: RollbackDatabase
) -> None:
    async def one_by_one() -> None:
        for user in await session.scalars(select(User)):
            await session.refresh(user)

    await make_user(session)
    with count_statements(database.engine) as few:
        await one_by_one()
    await make_user(session)
    with count_statements(database.engine) as many:
        await one_by_one()
    assert many.count == few.count + 1


def _is_list(method: Any) -> bool:
    returned = str(inspect.signature(method).return_annotation)
    return any(kind in returned for kind in ("Page[", "list[", "AsyncIterator["))


def test_every_list_is_counted() -> None:
    for repository in REPOSITORIES:
        for name, method in vars(repository).items():
            if inspect.isfunction(method) and not name.startswith("_") and _is_list(method):
                assert f"{repository.__name__}.{name}" in LISTS
