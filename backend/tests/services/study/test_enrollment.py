import uuid
from datetime import date
from typing import Any

import orjson
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import AppError, InvalidPayloadError
from app.core.pagination import PageRequest
from app.domain.actor import Role
from app.domain.content.section_kind import CompletedBy, rules_of
from app.domain.content.section_settings import SectionKind
from app.models import (
    Enrollment,
    ModulePrerequisite,
    ModuleSection,
    SectionProgress,
    Signature,
    TrainingModule,
    TrainingRecord,
    User,
)
from app.models.study.enrollment import EnrollmentStatus
from app.repositories.people.visibility import Whose
from app.repositories.study.enrollment import EnrollmentFilter
from app.schemas.base import ListOf
from app.schemas.study.assignment import BulkEnroll, BulkFilter
from app.schemas.study.enrollment import (
    Acknowledge,
    EnrollmentCreate,
    EnrollmentRead,
    ProgressReport,
)
from app.services.study.assignment import AssignmentService
from tests.factories.enrollment import enrollment_service
from tests.factories.module import (
    acknowledgement_section,
    make_module,
    publish,
    section_of,
    text_section,
)
from tests.factories.user import make_location, make_user
from tests.planting import as_owner
from tests.services.conftest import acting
from tests.support import RollbackDatabase


class Studies:
    """What a person does with a module, through the service alone."""

    def __init__(self, database: RollbackDatabase, session: AsyncSession, user: User) -> None:
        self.service = enrollment_service(database, acting(user))
        self.session = session
        self.user = user

    async def enroll(self, module: TrainingModule) -> uuid.UUID:
        answer = await self.service.enroll(EnrollmentCreate(module_id=module.id))
        return answer.value.id

    async def report(
        self, enrollment_id: uuid.UUID, section: ModuleSection, **fields: Any
    ) -> dict[str, Any]:
        payload = ProgressReport.model_validate(fields)
        reported = await self.service.report_progress(enrollment_id, section.id, payload)
        state = orjson.loads(reported.json)
        assert isinstance(state, dict)
        return state

    async def complete(self, enrollment_id: uuid.UUID, section: ModuleSection) -> dict[str, Any]:
        return await self.report(enrollment_id, section, completed=True)

    async def pass_time(self, enrollment_id: uuid.UUID, seconds: int) -> None:
        """Let the enrollment and the person's last report be older than they are."""
        await as_owner(
            self.session,
            f"UPDATE enrollments SET enrolled_at = enrolled_at - interval '{seconds} s'"  # noqa: S608  # a number
            f" WHERE id = '{enrollment_id}'",
        )
        await as_owner(
            self.session,
            f"UPDATE study_clocks SET reported_at = reported_at - interval '{seconds} s'"  # noqa: S608  # a number
            f" WHERE user_id = '{self.user.id}'",
        )
        await self.session.commit()

    async def refused(self, call: Any) -> str:
        with pytest.raises(AppError) as caught:
            await call
        return caught.value.code


@pytest.fixture
def studies(database: RollbackDatabase, session: AsyncSession, learner: User) -> Studies:
    return Studies(database, session, learner)


@pytest.fixture
def published(database: RollbackDatabase, session: AsyncSession) -> Any:
    async def make(*sections: ModuleSection) -> TrainingModule:
        module = await make_module(session, *sections)
        await publish(database, module)
        return module

    return make


def video(**settings: Any) -> ModuleSection:
    settings = {"url": "https://video.example/wash.mp4", **settings}
    return ModuleSection(kind="video", title="Video", settings=settings, questions=[])


class TestEnroll:
    async def test_prerequisites_come_first(
        self, studies: Studies, published: Any, session: AsyncSession
    ) -> None:
        first, second = await published(), await published()
        session.add(ModulePrerequisite(module_id=second.id, requires_id=first.id))
        await session.commit()
        payload = EnrollmentCreate(module_id=second.id)
        with pytest.raises(AppError) as caught:
            await studies.service.enroll(payload)
        assert caught.value.code == "prerequisite_missing"
        assert caught.value.extra["module_ids"] == [str(first.id)]
        required = await studies.enroll(first)
        assert await studies.refused(studies.service.enroll(payload)) == "prerequisite_missing"
        await studies.complete(required, first.sections[0])
        assert (await studies.service.enroll(payload)).created

    async def test_again_after_completion_is_a_new_cycle(
        self, studies: Studies, published: Any
    ) -> None:
        module = await published()
        first = await studies.enroll(module)
        assert await studies.enroll(module) == first
        await studies.complete(first, module.sections[0])
        assert await studies.enroll(module) != first


class TestAssign:
    async def test_counts_and_scopes(
        self, database: RollbackDatabase, session: AsyncSession, published: Any
    ) -> None:
        module, office = await published(), await make_location(session)
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        mine = await make_user(session, location_id=office.id)
        already = await make_user(session, location_id=office.id)
        stranger = await make_user(session)
        leaver = await make_user(session, location_id=office.id, is_active=False)
        await Studies(database, session, already).enroll(module)
        everybody = [mine.id, already.id, stranger.id, leaver.id, uuid.uuid4(), mine.id]
        service = AssignmentService(database, acting(manager))
        answer = await service.assign(BulkEnroll(module_id=module.id, user_ids=everybody))
        found = answer.value
        assert (found.created, found.already_enrolled, found.not_allowed) == (1, 1, 3)

    @pytest.mark.parametrize("both", [True, False])
    async def test_takes_people_or_a_filter(
        self, database: RollbackDatabase, admin: User, published: Any, *, both: bool
    ) -> None:
        module = await published()
        fields = {"user_ids": [admin.id], "filter": BulkFilter()} if both else {}
        payload = BulkEnroll(module_id=module.id, **fields)
        with pytest.raises(InvalidPayloadError):
            await AssignmentService(database, acting(admin)).assign(payload)

    async def test_drafts_are_unknown(
        self, database: RollbackDatabase, session: AsyncSession, admin: User, studies: Studies
    ) -> None:
        payload = BulkEnroll(module_id=(await make_module(session)).id, user_ids=[])
        service = AssignmentService(database, acting(admin))
        assert await studies.refused(service.assign(payload)) == "module_not_found"


class TestWithdraw:
    async def status(self, session: AsyncSession, enrollment_id: uuid.UUID) -> str:
        statement = select(Enrollment.status).where(Enrollment.id == enrollment_id)
        return (await session.scalars(statement)).one()

    async def test_ones_own_choice(
        self, studies: Studies, published: Any, session: AsyncSession
    ) -> None:
        module = await published()
        enrollment_id = await studies.enroll(module)
        first = await studies.service.withdraw(enrollment_id)
        again = await studies.service.withdraw(enrollment_id)
        assert again == first
        assert await self.status(session, enrollment_id) == "withdrawn"
        refused = await studies.refused(studies.complete(enrollment_id, module.sections[0]))
        assert refused == "enrollment_closed"
        assert await studies.enroll(module) != enrollment_id

    async def test_what_is_done_stays_done(self, studies: Studies, published: Any) -> None:
        module = await published()
        enrollment_id = await studies.enroll(module)
        await studies.complete(enrollment_id, module.sections[0])
        refused = await studies.refused(studies.service.withdraw(enrollment_id))
        assert refused == "enrollment_closed"

    async def test_what_a_manager_assigned_the_manager_withdraws(
        self, database: RollbackDatabase, session: AsyncSession, published: Any
    ) -> None:
        module, office = await published(), await make_location(session)
        manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
        person = await make_user(session, location_id=office.id)
        managing = enrollment_service(database, acting(manager))
        assigning = AssignmentService(database, acting(manager))
        await assigning.assign(BulkEnroll(module_id=module.id, user_ids=[person.id]))
        enrollment_id = (await session.scalars(select(Enrollment.id))).one()
        own = Studies(database, session, person)
        assert await own.refused(own.service.withdraw(enrollment_id)) == "assigned"
        await managing.withdraw(enrollment_id)
        assert await self.status(session, enrollment_id) == "withdrawn"

    async def test_an_assignment_takes_the_choice_back(
        self, database: RollbackDatabase, studies: Studies, published: Any, admin: User
    ) -> None:
        module = await published()
        enrollment_id = await studies.enroll(module)
        payload = BulkEnroll(module_id=module.id, user_ids=[studies.user.id])
        await AssignmentService(database, acting(admin)).assign(payload)
        assert await studies.refused(studies.service.withdraw(enrollment_id)) == "assigned"

    async def test_so_does_the_date_of_a_rule(
        self, session: AsyncSession, studies: Studies, published: Any
    ) -> None:
        enrollment_id = await studies.enroll(await published())
        await session.execute(update(Enrollment).values(due_on=date(2027, 1, 31)))
        await session.commit()
        assert await studies.refused(studies.service.withdraw(enrollment_id)) == "assigned"

    async def test_others_do_not_see_it(
        self, database: RollbackDatabase, studies: Studies, published: Any, other_learner: User
    ) -> None:
        enrollment_id = await studies.enroll(await published())
        service = enrollment_service(database, acting(other_learner))
        assert await studies.refused(service.withdraw(enrollment_id)) == "enrollment_not_found"


class TestRules:
    async def test_study_time_is_capped_by_the_clock(
        self, studies: Studies, published: Any
    ) -> None:
        module = await published(text_section(), text_section())
        enrollment_id = await studies.enroll(module)
        first, second = module.sections
        state = await studies.report(enrollment_id, first, seconds_spent=3600)
        assert state["section"]["seconds_spent"] <= 1
        await studies.pass_time(enrollment_id, 100)
        state = await studies.report(enrollment_id, first, seconds_spent=3600)
        assert 100 <= state["section"]["seconds_spent"] <= 102
        state = await studies.report(enrollment_id, second, seconds_spent=3600)
        assert state["section"]["seconds_spent"] <= 1

    async def test_a_second_counts_for_one_training(self, studies: Studies, published: Any) -> None:
        modules = [await published() for _ in range(3)]
        enrollment_ids = [await studies.enroll(module) for module in modules]
        for enrollment_id in enrollment_ids:
            await studies.pass_time(enrollment_id, 100)
        credited = [
            (await studies.report(enrollment_id, module.sections[0], seconds_spent=60))["section"]
            for enrollment_id, module in zip(enrollment_ids, modules, strict=True)
        ]
        seconds = [section["seconds_spent"] for section in credited]
        assert seconds[0] == 60
        assert max(seconds[1:]) <= 2

    async def test_a_report_without_time_takes_none_from_others(
        self, studies: Studies, published: Any
    ) -> None:
        module, opened = await published(), await published()
        enrollment_id, idle = await studies.enroll(module), await studies.enroll(opened)
        await studies.pass_time(enrollment_id, 100)
        await studies.report(idle, opened.sections[0], position=0.5)
        state = await studies.report(enrollment_id, module.sections[0], seconds_spent=60)
        assert state["section"]["seconds_spent"] == 60

    async def test_a_text_takes_its_minimum_of_seconds(
        self, studies: Studies, published: Any
    ) -> None:
        module = await published(text_section(settings={"minimum_seconds": 60}))
        enrollment_id = await studies.enroll(module)
        (section,) = module.sections
        state = await studies.report(enrollment_id, section, seconds_spent=60, completed=True)
        assert state["section"]["state"] == "in_progress"
        await studies.pass_time(enrollment_id, 58)
        state = await studies.report(enrollment_id, section, seconds_spent=58, completed=True)
        assert state["enrollment"]["status"] == "active"
        await studies.pass_time(enrollment_id, 60)
        state = await studies.report(enrollment_id, section, seconds_spent=60, completed=True)
        assert state["enrollment"]["status"] == "completed"

    async def test_a_video_is_watched_to_its_share(self, studies: Studies, published: Any) -> None:
        module = await published(video(duration_seconds=100, watch_share=0.9))
        enrollment_id = await studies.enroll(module)
        (section,) = module.sections
        for position, status in ((89.9, "active"), (50, "active"), (90, "completed")):
            state = await studies.report(enrollment_id, section, position=position, completed=True)
            assert state["enrollment"]["status"] == status

    @pytest.mark.parametrize("kind", SectionKind)
    async def test_completes_what_a_report_completes_and_nothing_else(
        self, studies: Studies, published: Any, kind: SectionKind
    ) -> None:
        module = await published(section_of(kind))
        enrollment_id = await studies.enroll(module)
        completion = studies.complete(enrollment_id, module.sections[0])
        match rules_of(kind).completed_by:
            case CompletedBy.REPORT:
                assert (await completion)["enrollment"]["status"] == "completed"
            case CompletedBy.ATTEMPT:
                assert await studies.refused(completion) == "quiz_decides"
            case completed_by:
                assert await studies.refused(completion) == f"{completed_by}_required"

    async def test_optional_sections_do_not_count(self, studies: Studies, published: Any) -> None:
        module = await published(
            text_section(required=False), text_section(), text_section(), text_section()
        )
        enrollment_id = await studies.enroll(module)
        percents = []
        for section in module.sections:
            state = await studies.complete(enrollment_id, section)
            percents.append(state["enrollment"]["progress_percent"])
        assert percents == [0, 33, 66, 100]

    async def test_only_the_owner_reports(
        self,
        database: RollbackDatabase,
        session: AsyncSession,
        studies: Studies,
        published: Any,
        admin: User,
    ) -> None:
        module, other = await published(), await published()
        enrollment_id = await studies.enroll(module)
        foreign = Studies(database, session, admin)
        refused = await studies.refused(foreign.complete(enrollment_id, module.sections[0]))
        assert refused == "enrollment_not_found"
        refused = await studies.refused(studies.complete(enrollment_id, other.sections[0]))
        assert refused == "section_not_found"


class TestAcknowledge:
    async def test_the_signature_covers_the_document(
        self, studies: Studies, published: Any, session: AsyncSession
    ) -> None:
        module = await published(acknowledgement_section())
        enrollment_id = await studies.enroll(module)
        name = studies.user.display_name
        payload = Acknowledge(printed_name=name, meaning="I will follow it.")
        first = await studies.service.acknowledge(enrollment_id, module.sections[0].id, payload)
        again = await studies.service.acknowledge(
            enrollment_id,
            module.sections[0].id,
            Acknowledge(printed_name="Somebody else", meaning="Nothing."),
        )
        assert again == first
        signature = (await session.scalars(select(Signature))).one()
        content = await studies.service.content(enrollment_id, frozenset())
        assert content.body is not None
        shown = orjson.loads(content.body)["sections"][0]
        assert signature.document_sha256 == shown["document_sha256"]
        record = (await session.scalars(select(TrainingRecord))).one()
        (signed,) = orjson.loads(record.payload)["signatures"]
        assert (signed["printed_name"], signed["document_sha256"]) == (
            name,
            signature.document_sha256,
        )

    async def test_other_sections_have_nothing_to_sign(
        self, studies: Studies, published: Any
    ) -> None:
        module = await published(text_section())
        enrollment_id = await studies.enroll(module)
        payload = Acknowledge(printed_name="Ada Byron", meaning="Yes.")
        section_id = module.sections[0].id
        refused = await studies.refused(
            studies.service.acknowledge(enrollment_id, section_id, payload)
        )
        assert refused == "not_an_acknowledgement"


class TestReading:
    async def test_content_is_pinned(
        self, studies: Studies, published: Any, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        module = await published()
        cached = enrollment_service(database, acting(studies.user), cache_bytes=1_000_000)
        enrollment_id = await studies.enroll(module)
        before = await cached.content(enrollment_id, frozenset())
        module = await session.get_one(TrainingModule, module.id, populate_existing=True)
        module.sections[0].body = "<p>New words.</p>"
        await session.commit()
        await publish(database, module)
        assert await cached.content(enrollment_id, frozenset()) == before
        assert (await cached.content(enrollment_id, frozenset({before.etag}))).body is None
        newcomer = Studies(database, session, await make_user(session))
        after = await newcomer.service.content(await newcomer.enroll(module), frozenset())
        assert after.etag != before.etag

    async def test_a_detail_shows_untouched_sections_too(
        self, studies: Studies, published: Any
    ) -> None:
        module = await published(text_section(), text_section())
        enrollment_id = await studies.enroll(module)
        await studies.report(enrollment_id, module.sections[1], position=3)
        detail = (await studies.service.get(enrollment_id)).value
        states = [(part.state, part.position) for part in detail.sections]
        assert states == [("not_started", 0), ("in_progress", 3)]

    async def test_others_lists_are_for_those_who_may_see_them(
        self, database: RollbackDatabase, studies: Studies, published: Any, other_learner: User
    ) -> None:
        await studies.enroll(await published())
        filters = EnrollmentFilter(Whose((studies.user.id,)))
        page = await studies.service.list(filters, PageRequest(include_total=True))
        own = ListOf[EnrollmentRead].model_validate_json(page.json)
        assert (len(own.items), own.total) == (1, 1)
        service = enrollment_service(database, acting(other_learner))
        assert await studies.refused(service.list(filters, PageRequest())) == "user_not_found"


async def test_completion_and_its_record_are_one(
    studies: Studies, published: Any, session: AsyncSession
) -> None:
    module = await published(text_section(), text_section())
    enrollment_id = await studies.enroll(module)
    await studies.complete(enrollment_id, module.sections[0])
    assert await session.scalar(select(func.count()).select_from(TrainingRecord)) == 0
    for _ in range(2):
        await studies.complete(enrollment_id, module.sections[1])
    record = (await session.scalars(select(TrainingRecord))).one()
    enrollment = await session.get_one(Enrollment, enrollment_id, populate_existing=True)
    assert enrollment.status is EnrollmentStatus.COMPLETED
    assert (record.enrollment_id, record.completed_at) == (enrollment_id, enrollment.completed_at)
    assert await session.scalar(select(func.count()).select_from(SectionProgress)) == 2
