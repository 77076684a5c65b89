"""Statements of every list, counted with one row and with many: the number must not grow."""

import importlib
import inspect
import pkgutil
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

import app.repositories
from app.core.pagination import Page, PageRequest
from app.domain.actor import Role
from app.domain.compliance import ComplianceStatus, EmploymentState
from app.domain.compliance.facts import ExemptionKind
from app.domain.compliance.incident import IncidentKind
from app.domain.content.media.file import MediaState
from app.domain.evidence.source_check import CheckResult
from app.domain.outreach.job import JobName, JobStatus
from app.domain.study.enrollment import EnrollmentSource
from app.domain.study.quiz.grading import CorrectionKind
from app.models import (
    AuditEvent,
    ComplianceSegment,
    Department,
    EmploymentChange,
    Enrollment,
    Exemption,
    ExternalEvidence,
    Incident,
    IncidentPerson,
    Job,
    JobTitle,
    LegalHold,
    LiveSession,
    LocationManager,
    Merge,
    ModulePrerequisite,
    QuizAttempt,
    QuizCorrection,
    RecordSeal,
    Requirement,
    SealedRecord,
    Signature,
    SourceCheck,
    TrainingModule,
    User,
)
from app.models.evidence.external_evidence import ExternalEvidenceStatus
from app.repositories.base import Repository
from app.repositories.compliance.report import ReportRepository
from app.repositories.compliance.report_scope import ReportScope
from app.repositories.content.module import ModuleRepository
from app.repositories.content.version import VersionRepository
from app.repositories.evidence.seal import SealRepository
from app.repositories.evidence.training_record import TrainingRecordRepository
from app.repositories.people.location import LocationRepository
from app.repositories.people.user import UserFilter, UserRepository
from app.repositories.people.visibility import Scope, Whose
from app.repositories.study.enrollment import EnrollmentFilter, EnrollmentRepository
from tests.factories.media import make_media
from tests.factories.module import make_module, publish, quiz_section, single_choice, text_section
from tests.factories.retention import make_record
from tests.factories.user import make_location, make_user
from tests.planting import as_owner, plant, unguarded
from tests.repositories.conftest import actor_of
from tests.support import RollbackDatabase, count_statements

MANY = 12
PAGE = PageRequest(limit=100, include_total=True)
TODAY = date(2026, 1, 15)


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
        quiz = quiz_section(settings={"max_attempts": 1})
        self.module = await make_module(self.session, text_section(), quiz)
        self.section_id = quiz.id
        self.first = await publish(self.database, self.module)
        self.seals = 0
        self.seal = await self._seal()
        await self.session.commit()

    async def grow(self, count: int) -> None:
        for number in range(count):
            await self._one_more(f"{count}-{number}")

    async def _seal(self) -> RecordSeal:
        self.seals += 1
        return await plant(
            self.session,
            RecordSeal,
            number=self.seals,
            record_count=1,
            merkle_root="0" * 64,
            previous_hash=f"{self.seals - 1:064}",
            hash=f"{self.seals:064}",
        )

    async def _one_more(self, label: str) -> None:
        session = self.session
        department = Department(name=f"Department {label}")
        session.add_all([department, JobTitle(name=f"Job title {label}")])
        await session.flush()
        office = await make_location(session)
        user = await make_user(session, location_id=office.id, department_id=department.id)
        module = await make_module(session, text_section())
        version = await publish(self.database, module)
        await self._publish_again(label)
        other = await make_user(session)
        merge = Merge(
            user_id=self.user.id, merged_id=user.id, proposed_by_id=other.id, reason="One person."
        )
        enrollment = Enrollment(
            user_id=self.user.id,
            module_id=module.id,
            version_id=version.id,
            source=EnrollmentSource.ASSIGNED,
        )
        session.add_all(
            [
                enrollment,
                Job(priority=0, status=JobStatus.QUEUED, entrypoint=JobName.MEDIA_SWEEP),
                merge,
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
        await self._study(user)
        await self._comply(user, label)
        await self._prove(user, module)
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

    async def _study(self, user: User) -> None:
        """Use up somebody's attempts at the quiz, and correct it."""
        tried = Enrollment(user_id=user.id, module_id=self.module.id, version_id=self.first.id)
        self.session.add(tried)
        await self.session.flush()
        async with unguarded(self.session):
            for enrollment_id in (tried.id, self.enrollment_id):
                attempt = QuizAttempt(
                    enrollment_id=enrollment_id,
                    section_id=self.section_id,
                    user_id=user.id,
                    version_id=self.first.id,
                    number=self.seals,
                    seed="",
                    snapshot={},
                    pass_mark=80,
                )
                self.session.add(attempt)
        await as_owner(self.session, "UPDATE quiz_attempts SET state = 'graded', passed = false")
        self.session.add(
            QuizCorrection(
                version_id=self.first.id,
                section_id=self.section_id,
                number=self.seals,
                question_id=uuid.uuid4(),
                kind=CorrectionKind.VOID,
                note="It was wrong.",
            )
        )

    async def _comply(self, user: User, label: str) -> None:
        requirement = Requirement(title=f"Requirement {label}")
        self.session.add(requirement)
        await self.session.flush()
        incident = Incident(
            kind=IncidentKind.EXPOSURE,
            day=TODAY,
            requirement_id=requirement.id,
            retrain_by=TODAY,
            description="A needlestick.",
        )
        self.session.add(incident)
        await self.session.flush()
        self.session.add(
            IncidentPerson(incident_id=incident.id, user_id=user.id, recorded_on=TODAY)
        )
        days = {"starts_on": TODAY, "ends_on": TODAY}
        about = {"user_id": user.id, "requirement_id": requirement.id}
        self.session.add_all(
            [
                Exemption(
                    **about, **days, kind=ExemptionKind.WAIVER, reason="Ill", recorded_on=TODAY
                ),
                ComplianceSegment(**about, **days, status=ComplianceStatus.DUE),
                EmploymentChange(
                    user_id=self.user.id,
                    effective_on=TODAY,
                    recorded_on=TODAY,
                    state=EmploymentState.ACTIVE,
                    role=Role.ADMIN,
                ),
            ]
        )

    async def _prove(self, user: User, module: TrainingModule) -> None:
        await self._seal()
        await make_record(self.session, self.user, module)
        await make_media(self.session, self.user, state=MediaState.PENDING)
        self.session.add(LegalHold(user_id=self.user.id, reason="Claim", placed_by_id=user.id))
        async with unguarded(self.session):
            self.session.add_all(
                [
                    card := ExternalEvidence(
                        id=uuid.uuid4(),
                        user_id=user.id,
                        entered_by_id=user.id,
                        provider="Red Cross",
                        title="BLS",
                        completed_on=TODAY,
                        hours=4,
                        credential_kind="bls",
                        printed_expiry=TODAY,
                        status=ExternalEvidenceStatus.VERIFIED,
                        reviewed_by_id=self.user.id,
                        reviewed_at=func.now(),
                    ),
                    SourceCheck(
                        evidence_id=card.id,
                        user_id=user.id,
                        source="The board",
                        checked_on=TODAY,
                        result=CheckResult.CONFIRMED,
                        next_check_on=date(2026, 6, 1),
                        checked_by_id=self.user.id,
                    ),
                    LiveSession(
                        module_id=module.id,
                        section_id=uuid.uuid4(),
                        starts_at=datetime(2026, 1, 15, tzinfo=UTC),
                        duration_minutes=60,
                        instructor_name="Ivy",
                        instructor_qualification="RN",
                        created_by_id=self.user.id,
                    ),
                ]
            )

    async def _publish_again(self, label: str) -> None:
        """Add a section and a question to the module; make them its next version."""
        module = await self.session.get_one(TrainingModule, self.module.id, populate_existing=True)
        quiz = quiz_section(single_choice(), single_choice(prompt=label))
        quiz.position = len(module.sections) + 1
        module.sections.append(quiz)
        await self.session.commit()
        self.version = await publish(self.database, module)


Case = Callable[[World], Awaitable[object]]


def argument(world: World, parameter: inspect.Parameter) -> object:
    """Return what a list of pages is asked with."""
    if parameter.name == "filters":
        whose = {"whose": Whose(scope=Scope.ALL)}
        takes = "whose" in inspect.signature(parameter.annotation).parameters
        return parameter.annotation(**(whose if takes else {}))
    return {
        "actor": actor_of(world.user),
        "archived": (),
        "confirmed": (),
        "enrollment_id": world.enrollment_id,
        "in_force": (),
        "last": date.max,
        "module_id": world.module.id,
        "request": PAGE,
        "statuses": (),
        "section_id": world.section_id,
        "user_id": world.user.id,
        "user_ids": (),
        "version_id": world.first.id,
    }[parameter.name]


def page_case(repository: type[Repository[Any]], name: str) -> Case:
    def read(world: World) -> Awaitable[object]:
        method = getattr(repository(world.session), name)
        parameters = inspect.signature(method).parameters.values()
        needed = (each for each in parameters if each.default is inspect.Parameter.empty)
        asked: Awaitable[object] = method(**{each.name: argument(world, each) for each in needed})
        return asked

    return read


def repositories() -> Iterator[type[Repository[Any]]]:
    for found in pkgutil.walk_packages(app.repositories.__path__, "app.repositories."):
        module = importlib.import_module(found.name)
        for kind in vars(module).values():
            if inspect.isclass(kind) and issubclass(kind, Repository) and hasattr(kind, "model"):
                yield kind


def pages() -> Iterator[tuple[str, Case]]:
    """Yield all lists that come in pages; a new one is counted without being named here."""
    for repository in repositories():
        for name, method in inspect.getmembers(repository, inspect.isfunction):
            returned = str(inspect.signature(method).return_annotation)
            if "Page[" in returned and name not in vars(Repository):
                yield f"{repository.__name__}.{name}", page_case(repository, name)


async def _records(world: World) -> object:
    records = TrainingRecordRepository(world.session)
    return [record async for record in records.stream_all()]


async def _sections(world: World) -> object:
    return await EnrollmentRepository(world.session).sections(uuid.uuid4(), world.version.id)


PAGES: dict[str, Case] = {
    **dict(pages()),
    "ReportRepository.lines": lambda world: ReportRepository(world.session).lines(
        actor_of(world.user), ReportScope(TODAY), PAGE
    ),
    "EnrollmentRepository.list_visible, in time": lambda world: EnrollmentRepository(
        world.session
    ).list_visible(actor_of(world.user), EnrollmentFilter(overdue=(False,)), PAGE),
    "UserRepository.list_visible, by a word": lambda world: UserRepository(
        world.session
    ).list_visible(actor_of(world.user), UserFilter(q="person"), PAGE),
}
LISTS: dict[str, Case] = {
    "EnrollmentRepository.sections": _sections,
    "EnrollmentRepository.signatures": lambda world: EnrollmentRepository(world.session).signatures(
        world.enrollment_id or uuid.uuid4()
    ),
    "LocationRepository.manager_ids": lambda world: LocationRepository(world.session).manager_ids(
        world.location.id
    ),
    "ModuleRepository.prerequisite_ids": lambda world: ModuleRepository(
        world.session
    ).prerequisite_ids(world.module.id),
    "SealRepository.all": lambda world: SealRepository(world.session).all(),
    "SealRepository.leaves": lambda world: SealRepository(world.session).leaves(world.seal.id),
    "TrainingRecordRepository.stream_all": _records,
    "TrainingRecordRepository.with_ce_hours": lambda world: TrainingRecordRepository(
        world.session
    ).with_ce_hours(world.user.id),
    "UserRepository.claim_name": lambda world: UserRepository(world.session).claim_name("ada"),
    "UserRepository.names_of_others": lambda world: UserRepository(world.session).names_of_others(
        world.user.id
    ),
    "VersionRepository.current_outline": lambda world: VersionRepository(
        world.session
    ).current_outline(world.module.id),
    # Not a list, but it contains lists: two more statements, however many rows there are.
    "ModuleRepository.not_deleted": lambda world: ModuleRepository(world.session).not_deleted(
        world.module.id
    ),
}


async def counts(world: World, least: int) -> dict[str, int]:
    """Count the statements of each list; a page has to have at least so many rows."""
    found = {}
    for name, read in {**PAGES, **LISTS}.items():
        world.session.expunge_all()
        with count_statements(world.database.engine) as statements:
            rows = await read(world)
        found[name] = statements.count
        assert not isinstance(rows, Page) or len(rows.items) >= least, name
    return found


@pytest.mark.full
async def test_no_list_grows_with_its_rows(
    session: AsyncSession, database: RollbackDatabase
) -> None:
    world = World(session, database)
    await world.begin()
    await world.grow(1)
    few = await counts(world, 1)
    await world.grow(MANY)
    many = await counts(world, MANY)
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
