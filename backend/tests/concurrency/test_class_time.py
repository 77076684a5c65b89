"""Classes that are closed, and study that is reported, at the same moment."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Attendance, Enrollment, SectionProgress, User
from tests.concurrency.race import race, statuses
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.routers.compliance.test_hours import enroll, let_pass
from tests.support import Api

pytestmark = pytest.mark.full

PEOPLE = 6
ROUNDS = 5
TEN_MINUTES = 600


async def test_a_persons_time_counts_once(
    committed_api: Api, committed_database: Database, session: AsyncSession, admin: User
) -> None:
    """Two classes of the same half hour, and ten minutes of study within it."""
    reading = await make_module(session)
    await publish(committed_database, reading)
    shared = 0
    for _ in range(ROUNDS):
        people = [await make_user(session) for _ in range(PEOPLE)]
        classes = []
        began = datetime.now(UTC) - timedelta(minutes=30)
        for _ in range(2):
            module = await make_module(session, live_section())
            await publish(committed_database, module)
            held = {"starts_at": began, "duration_minutes": 30}
            live = await make_live_session(session, module, admin, *people, **held)
            marks = {"attended": [str(each.id) for each in people]}
            await committed_api.put(f"/live-sessions/{live.id}/attendance", admin, json=marks)
            classes.append(f"/live-sessions/{live.id}/close")
        reports = []
        for person in people:
            enrollment_id = await enroll(committed_api, person, reading)
            await let_pass(session, enrollment_id, TEN_MINUTES)
            path = f"/enrollments/{enrollment_id}/sections/{reading.sections[0].id}/progress"
            reports.append((path, person))
        body = {"seconds_spent": TEN_MINUTES}
        answers = await race(
            [
                *(committed_api.put(path, person, json=body) for path, person in reports[:3]),
                *(committed_api.post(closing, admin) for closing in classes),
                *(committed_api.put(path, person, json=body) for path, person in reports[3:]),
            ]
        )
        assert set(statuses(answers)) == {200}
        # What counts of a class is rounded to whole seconds: each of the two may gain half of one.
        after_class = (datetime.now(UTC) - began).total_seconds() - 1800 + 1
        for person in people:
            attended = await counted(session, person)
            studied = await credited(session, person)
            assert attended + studied <= 1800 + after_class
            shared += 0 < studied < TEN_MINUTES or attended < 1800
    assert shared > 0


async def counted(session: AsyncSession, person: User) -> int:
    seconds = select(func.sum(Attendance.counted_seconds)).where(Attendance.user_id == person.id)
    return await session.scalar(seconds) or 0


async def credited(session: AsyncSession, person: User) -> int:
    """Return how much study counts; in the classes' enrollments there is none."""
    seconds = (
        select(func.sum(SectionProgress.seconds_spent))
        .join(Enrollment, Enrollment.id == SectionProgress.enrollment_id)
        .where(Enrollment.user_id == person.id)
    )
    return await session.scalar(seconds) or 0
