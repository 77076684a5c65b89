"""Every change leaves an event that says who did it and to what. Without a change there is none."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.domain.actor import Role
from app.domain.audit import AuditAction
from app.models import AuditEvent, User
from app.schemas.content.module import ModuleCreate, ModuleUpdate, Publish
from app.schemas.content.question import QuestionCreate, QuestionUpdate
from app.schemas.content.section import SectionCreate, SectionOrder, SectionUpdate
from app.schemas.people.location import LocationCreate, LocationUpdate
from app.schemas.people.user import ProfileUpdate, UserInvite, UserUpdate
from app.schemas.study.assignment import BulkEnroll
from app.schemas.study.enrollment import Acknowledge, EnrollmentCreate
from app.services.answer import Answer
from app.services.content.module import ModuleService
from app.services.content.question import QuestionService
from app.services.content.section import SectionService
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from app.services.people.invitation.service import InvitationService
from app.services.people.location import LocationService
from app.services.people.user import UserService
from app.services.study.assignment import AssignmentService
from tests.factories.enrollment import enrollment_service
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.services.conftest import acting
from tests.support import RollbackDatabase

ANY = Precondition(frozenset({"*"}))
QUESTION = {"kind": "true_false", "prompt": "Canary?", "metadata": {"correct": True}}


class Trail:
    """Compares what a step did with the events that it left."""

    def __init__(self, session: AsyncSession, actor: User) -> None:
        self.session = session
        self.actor = actor
        self.seen: set[uuid.UUID] = set()

    async def left(self, *expected: AuditAction, by: User | None = None) -> None:
        new = [
            event
            for event in await self.session.scalars(select(AuditEvent))
            if event.id not in self.seen
        ]
        assert sorted(event.action for event in new) == sorted(expected)
        for event in new:
            assert event.actor_id == (by or self.actor).id, event.action
            assert event.request_id == "request-1"
            assert "anary" not in str((event.before, event.after))
        self.seen |= {event.id for event in new}


def id_of(answer: Answer[Any]) -> uuid.UUID:
    return uuid.UUID(str(answer.value.id))


@pytest.fixture
def trail(session: AsyncSession, admin: User) -> Trail:
    return Trail(session, admin)


async def test_locations(database: RollbackDatabase, admin: User, trail: Trail) -> None:
    service = LocationService(database, acting(admin))
    location_id = id_of(await service.create(LocationCreate(name="North", time_zone="UTC")))
    await trail.left(AuditAction.LOCATION_CREATED)
    await service.update(location_id, LocationUpdate(name="South"), ANY)
    await trail.left(AuditAction.LOCATION_UPDATED)
    await service.update(location_id, LocationUpdate(name="South"), ANY)
    await trail.left()
    await service.delete(location_id, ANY)
    await trail.left(AuditAction.LOCATION_DELETED)
    await service.restore(location_id)
    await trail.left(AuditAction.LOCATION_RESTORED)
    await service.restore(location_id)
    await trail.left()


async def test_people(
    database: RollbackDatabase, admin: User, auth_admin: InMemoryAuthAdmin, trail: Trail
) -> None:
    service = UserService(database, acting(admin), auth_admin, adds_words=True)
    invitations = InvitationService(database, acting(admin), auth_admin, adds_words=True)
    user_id = id_of(await invitations.invite(UserInvite(email="ada@unified.example")))
    await trail.left(AuditAction.USER_INVITED)
    await service.update(user_id, UserUpdate(role=Role.AUTHOR, department="Hygiene"), ANY)
    await trail.left(AuditAction.DEPARTMENT_CREATED, AuditAction.USER_UPDATED)
    await service.update(user_id, UserUpdate(role=Role.AUTHOR, department="hygiene"), ANY)
    await trail.left()
    await service.update_me(ProfileUpdate(full_name="Root"), ANY)
    await trail.left(AuditAction.USER_UPDATED)
    await service.promote("ada@unified.example", Role.MANAGER)
    await trail.left(AuditAction.USER_PROMOTED)


async def test_authoring(database: RollbackDatabase, admin: User, trail: Trail) -> None:
    context = acting(admin)
    modules, sections = ModuleService(database, context), SectionService(database, context)
    questions = QuestionService(database, context)
    module_id = id_of(await modules.create(ModuleCreate(title="Care")))
    await trail.left(AuditAction.MODULE_CREATED)
    await modules.update(module_id, ModuleUpdate(title="Caring"), ANY)
    await trail.left(AuditAction.MODULE_UPDATED)
    made: dict[str, Any] = {"kind": "text", "title": "Text", "body": "<p>Canary</p>"}
    text_id = id_of(await sections.create(module_id, SectionCreate.model_validate(made)))
    await trail.left(AuditAction.SECTION_CREATED)
    quiz = SectionCreate.model_validate({"kind": "quiz", "title": "Quiz"})
    quiz_id = id_of(await sections.create(module_id, quiz))
    await trail.left(AuditAction.SECTION_CREATED)
    await sections.update(module_id, text_id, SectionUpdate(body="<p>Canary!</p>"), ANY)
    await trail.left(AuditAction.SECTION_UPDATED)
    await sections.reorder(module_id, SectionOrder(section_ids=[quiz_id, text_id]), ANY)
    await trail.left(AuditAction.SECTIONS_REORDERED)
    await sections.reorder(module_id, SectionOrder(section_ids=[quiz_id, text_id]), ANY)
    await trail.left()
    question = QuestionCreate.model_validate(QUESTION)
    question_id = id_of(await questions.create(module_id, quiz_id, question))
    await trail.left(AuditAction.QUESTION_CREATED)
    place = (module_id, quiz_id, question_id)
    await questions.update(*place, QuestionUpdate(prompt="Canary!"), ANY)
    await trail.left(AuditAction.QUESTION_UPDATED)
    await questions.delete(*place, ANY)
    await trail.left(AuditAction.QUESTION_DELETED)
    await questions.restore(*place)
    await trail.left(AuditAction.QUESTION_RESTORED)
    await questions.restore(*place)
    await trail.left()
    await sections.delete(module_id, quiz_id, ANY)
    await trail.left(AuditAction.SECTION_DELETED)
    await sections.restore(module_id, quiz_id)
    await trail.left(AuditAction.SECTION_RESTORED)
    await sections.delete(module_id, quiz_id, ANY)
    await trail.left(AuditAction.SECTION_DELETED)
    await modules.delete(module_id, ANY)
    await trail.left(AuditAction.MODULE_DELETED)
    await modules.restore(module_id)
    await trail.left(AuditAction.MODULE_RESTORED)
    await modules.restore(module_id)
    await trail.left()
    await modules.publish(module_id, Publish(), ANY)
    await trail.left(AuditAction.MODULE_PUBLISHED)
    await modules.archive(module_id)
    await trail.left(AuditAction.MODULE_ARCHIVED)
    await modules.archive(module_id)
    await trail.left()


async def test_learning(
    database: RollbackDatabase, admin: User, learner: User, session: AsyncSession, trail: Trail
) -> None:
    modules = ModuleService(database, acting(admin))
    module_id = id_of(await modules.create(ModuleCreate(title="Policy")))
    policy = {"kind": "acknowledgement", "title": "Policy", "body": "<p>Read.</p>"}
    sections = SectionService(database, acting(admin))
    section_id = id_of(await sections.create(module_id, SectionCreate.model_validate(policy)))
    await modules.publish(module_id, Publish(), ANY)
    await trail.left(
        AuditAction.MODULE_CREATED, AuditAction.SECTION_CREATED, AuditAction.MODULE_PUBLISHED
    )
    own = enrollment_service(database, acting(learner))
    first = id_of(await own.enroll(EnrollmentCreate(module_id=module_id)))
    await trail.left(AuditAction.ENROLLMENT_CREATED, by=learner)
    await own.enroll(EnrollmentCreate(module_id=module_id))
    await trail.left()
    for _ in range(2):
        await own.withdraw(first)
    await trail.left(AuditAction.ENROLLMENT_WITHDRAWN, by=learner)
    assigning = AssignmentService(database, acting(admin))
    await assigning.assign(BulkEnroll(module_id=module_id, user_ids=[learner.id]))
    await trail.left(AuditAction.ENROLLMENT_CREATED, AuditAction.ASSIGNMENT_CREATED)
    second = id_of(await own.enroll(EnrollmentCreate(module_id=module_id)))
    signature = Acknowledge(printed_name=learner.display_name, meaning="I will.")
    for _ in range(2):
        await own.acknowledge(second, section_id, signature)
    await trail.left(
        AuditAction.SECTION_ACKNOWLEDGED,
        AuditAction.SECTION_COMPLETED,
        AuditAction.ENROLLMENT_COMPLETED,
        AuditAction.TRAINING_RECORD_ISSUED,
        by=learner,
    )
    seal = await TrainingRecordService(database, SYSTEM).seal()
    assert seal is not None
    sealed = select(AuditEvent).where(AuditEvent.action == AuditAction.RECORDS_SEALED)
    event = (await session.scalars(sealed)).one()
    assert (event.target_id, event.actor_id, event.request_id) == (seal.id, None, None)


async def test_nothing_to_seal(database: RollbackDatabase, session: AsyncSession) -> None:
    """Without records nothing is sealed, and no event is written."""
    assert await TrainingRecordService(database, SYSTEM).seal() is None
    assert list(await session.scalars(select(AuditEvent))) == []
