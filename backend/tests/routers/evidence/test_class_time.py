"""One person's time counts once: in one class at a time, and in none while they study."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import (
    LiveSession,
    StudyTime,
    TrainingModule,
    TrainingRecord,
    User,
    VerifiedEvidence,
)
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish, text_section
from tests.factories.requirement import make_requirement
from tests.routers.compliance.test_hours import enroll, let_pass, line
from tests.support import Api, RollbackDatabase

FIVE = datetime(2026, 1, 15, 17, tzinfo=UTC)
TEN_MINUTES = 600


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, live_section())
    await publish(database, module)
    return module


@pytest.fixture
async def other(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    module = await make_module(session, text_section(), live_section(required=False))
    await publish(database, module)
    return module


class Classes:
    def __init__(self, api: Api, session: AsyncSession, admin: User, learner: User) -> None:
        self.api, self.session, self.admin, self.learner = api, session, admin, learner

    async def attend(
        self, module: TrainingModule, starts_at: datetime, minutes: int = 90
    ) -> tuple[LiveSession, dict[str, Any]]:
        """Hold a class that the learner attends, and close it."""
        held = {"starts_at": starts_at, "duration_minutes": minutes}
        live = await make_live_session(self.session, module, self.admin, self.learner, **held)
        path, marks = f"/live-sessions/{live.id}", {"attended": [str(self.learner.id)]}
        assert (await self.api.put(f"{path}/attendance", self.admin, json=marks)).is_success
        closed = await self.api.post(f"{path}/close", self.admin)
        assert closed.status_code == HTTPStatus.OK, closed.text
        return live, dict(closed.json())

    async def counted(self, *classes: LiveSession) -> list[int]:
        counting = [func.attended_seconds(each.id, self.learner.id) for each in classes]
        return [*(await self.session.execute(select(*counting))).one()]

    async def report(self, module: TrainingModule, enrollment_id: str, seconds: int) -> int:
        """Report what was studied of the first section; return what counts of it."""
        path = f"/enrollments/{enrollment_id}/sections/{module.sections[0].id}/progress"
        response = await self.api.put(path, self.learner, json={"seconds_spent": seconds})
        return int(response.json()["section"]["seconds_spent"])


@pytest.fixture
def classes(api: Api, session: AsyncSession, admin: User, learner: User) -> Classes:
    return Classes(api, session, admin, learner)


class TestTwoRooms:
    @pytest.mark.parametrize(("hour", "minutes"), [(18, 60), (16, 60), (19, 90)])
    async def test_count_once(
        self,
        classes: Classes,
        module: TrainingModule,
        other: TrainingModule,
        hour: int,
        minutes: int,
    ) -> None:
        """The first class takes from five to half past six, the others begin at an hour."""
        first, _ = await classes.attend(other, FIVE)
        second, closed = await classes.attend(module, FIVE.replace(hour=hour))
        assert closed["credited"] == [str(classes.learner.id)]
        assert await classes.counted(first, second) == [90 * 60, minutes * 60]

    @pytest.mark.parametrize("enrolled", [True, False])
    @pytest.mark.parametrize("late", [timedelta(), timedelta(seconds=59)])
    async def test_a_class_of_which_nothing_is_left_is_no_evidence(  # noqa: PLR0913, PLR0917  # fixtures are asked for by parameter
        self,
        classes: Classes,
        database: RollbackDatabase,
        module: TrainingModule,
        other: TrainingModule,
        late: timedelta,
        enrolled: bool,  # noqa: FBT001  # a parameter of the test
    ) -> None:
        await make_requirement(database, module.id, trainer_required=True)
        if enrolled:
            await enroll(classes.api, classes.learner, module)
        await classes.attend(other, FIVE)
        _, closed = await classes.attend(module, FIVE + late)
        assert (closed["completed"], closed["credited"]) == ([], [])
        assert closed["not_enrolled"] == [str(classes.learner.id)]
        found = await line(classes.api, classes.learner)
        assert (found["met_by"], found["why"]["fallen_short"]) == (None, [])
        assert (await classes.session.scalars(select(TrainingRecord))).all() == []
        assert (await classes.session.scalars(select(VerifiedEvidence))).all() == []

    async def test_nor_is_it_added_to_what_was_completed(
        self, classes: Classes, module: TrainingModule, other: TrainingModule
    ) -> None:
        enrollment_id = await enroll(classes.api, classes.learner, other)
        path = f"/enrollments/{enrollment_id}/sections/{other.sections[0].id}/progress"
        assert (await classes.api.put(path, classes.learner, json={"completed": True})).is_success
        await classes.attend(module, FIVE)
        _, closed = await classes.attend(other, FIVE)
        assert closed["completed"] == []
        [record] = await classes.session.scalars(select(TrainingRecord))
        assert record.corrects_id is None
        _, closed = await classes.attend(other, FIVE + timedelta(days=1))
        assert closed["completed"] == [str(classes.learner.id)]

    async def test_what_was_counted_stays(
        self, classes: Classes, module: TrainingModule, other: TrainingModule
    ) -> None:
        """A class that is closed later takes nothing from one that was closed before."""
        half_past, _ = await classes.attend(module, FIVE + timedelta(minutes=30), 60)
        whole, _ = await classes.attend(other, FIVE, 90)
        assert await classes.counted(half_past, whole) == [3600, 1800]


class TestStudyMeanwhile:
    async def test_is_not_in_class(
        self, classes: Classes, module: TrainingModule, other: TrainingModule
    ) -> None:
        enrollment_id = await enroll(classes.api, classes.learner, other)
        await let_pass(classes.session, enrollment_id, TEN_MINUTES)
        assert await classes.report(other, enrollment_id, TEN_MINUTES) == TEN_MINUTES
        live, _ = await classes.attend(module, datetime.now(UTC) - timedelta(minutes=30), 30)
        [counted] = await classes.counted(live)
        assert 1200 - 5 <= counted <= 1200

    async def test_from_beginning_to_end_leaves_nothing_of_it(
        self, classes: Classes, module: TrainingModule, other: TrainingModule
    ) -> None:
        enrollment_id = await enroll(classes.api, classes.learner, other)
        await let_pass(classes.session, enrollment_id, TEN_MINUTES)
        await classes.report(other, enrollment_id, TEN_MINUTES)
        _, closed = await classes.attend(module, datetime.now(UTC) - timedelta(minutes=9), 9)
        assert closed["not_enrolled"] == [str(classes.learner.id)]

    async def test_is_no_study_once_the_class_has_counted(
        self, classes: Classes, module: TrainingModule, other: TrainingModule
    ) -> None:
        enrollment_id = await enroll(classes.api, classes.learner, other)
        await let_pass(classes.session, enrollment_id, TEN_MINUTES)
        live, _ = await classes.attend(module, datetime.now(UTC) - timedelta(minutes=8), 8)
        studied = await classes.report(other, enrollment_id, TEN_MINUTES)
        assert 120 <= studied <= 125
        assert await classes.counted(live) == [480]

    async def test_reports_that_follow_each_other_are_one_time(
        self, classes: Classes, other: TrainingModule
    ) -> None:
        enrollment_id = await enroll(classes.api, classes.learner, other)
        for number in (1, 2, 3):
            await let_pass(classes.session, enrollment_id, 60)
            assert await classes.report(other, enrollment_id, 59 * number) == 59 * number
        times = await classes.session.scalar(select(func.count()).select_from(StudyTime))
        assert times == 1
