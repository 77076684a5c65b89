"""Reports in any order, and repeated ones, never lower the progress."""

import random
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import ModuleSection, TrainingModule
from tests.factories.module import make_module, publish, text_section
from tests.factories.user import make_user
from tests.services.study.test_enrollment import Studies
from tests.support import RollbackDatabase

SECTIONS = 3
STUDIED = 500
ORDER = ("not_started", "in_progress", "completed")

REPORTS = st.lists(
    st.tuples(
        st.integers(0, SECTIONS - 1),
        st.integers(0, 2 * STUDIED),
        st.floats(0, 100, allow_nan=False, width=32),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@dataclass
class Seen:
    """The furthest progress that the answers have shown so far."""

    state: int = 0
    seconds: int = 0
    position: float = 0

    def follow(self, section: dict[str, Any]) -> None:
        state = ORDER.index(section["state"])
        assert state >= self.state
        assert section["seconds_spent"] >= self.seconds
        assert section["position"] >= self.position
        self.state, self.seconds = state, section["seconds_spent"]
        self.position = section["position"]


@pytest.fixture
async def module(session: AsyncSession, database: RollbackDatabase) -> TrainingModule:
    sections = [text_section() for _ in range(SECTIONS)]
    module = await make_module(session, *sections, text_section())
    await publish(database, module)
    return module


class Reporter:
    def __init__(self, studies: Studies, module: TrainingModule, enrollment_id: uuid.UUID) -> None:
        self.studies = studies
        self.sections: list[ModuleSection] = module.sections
        self.enrollment_id = enrollment_id
        self.seen = [Seen() for _ in range(SECTIONS)]
        self.percent = 0

    @classmethod
    async def start(
        cls, database: RollbackDatabase, session: AsyncSession, module: TrainingModule
    ) -> "Reporter":
        studies = Studies(database, session, await make_user(session))
        enrollment_id = await studies.enroll(module)
        await studies.pass_time(enrollment_id, STUDIED)
        return cls(studies, module, enrollment_id)

    async def send(self, reports: list[Any]) -> None:
        for number, seconds, position, completed in reports:
            answer = await self.studies.report(
                self.enrollment_id,
                self.sections[number],
                seconds_spent=seconds,
                position=position,
                completed=completed,
            )
            self.seen[number].follow(answer["section"])
            assert answer["enrollment"]["progress_percent"] >= self.percent
            self.percent = answer["enrollment"]["progress_percent"]

    @property
    def completed(self) -> list[bool]:
        return [seen.state == 2 for seen in self.seen]


@pytest.mark.full
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(reports=REPORTS, seed=st.integers(0, 2**16))
async def test_reports_may_come_late_twice_and_in_any_order(
    session: AsyncSession,
    database: RollbackDatabase,
    module: TrainingModule,
    reports: list[Any],
    seed: int,
) -> None:
    first = await Reporter.start(database, session, module)
    await first.send(reports)
    done = {number for number, _, _, completed in reports if completed}
    assert first.completed == [number in done for number in range(SECTIONS)]
    assert first.percent == 100 * len(done) // (SECTIONS + 1)
    assert sum(seen.seconds for seen in first.seen) <= STUDIED + 30

    await first.send(reports)
    assert first.percent == 100 * len(done) // (SECTIONS + 1)

    shuffled = [*reports, *reports]
    random.Random(seed).shuffle(shuffled)  # noqa: S311  # an order, not a secret
    second = await Reporter.start(database, session, module)
    await second.send(shuffled)
    assert (second.completed, second.percent) == (first.completed, first.percent)
