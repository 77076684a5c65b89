import json
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import (
    CertificationPeriod,
    Requirement,
    RequirementVersion,
    User,
    VerifiedEvidence,
)
from app.services.content.seed import SeedService
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.cli.conftest import Invoke
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.planting import unguarded

SEEDED = 8 + 10
"""Those of requirements.toml, and the courses that the profiles of continuing education name."""


async def seeded(database: Database) -> None:
    service = SeedService(database, SYSTEM)
    await service.modules()
    assert len((await service.requirements()).requirements) == SEEDED
    assert (await service.requirements()).requirements == []


@pytest.mark.full
async def test_reconcile(
    invoke: Invoke, committed_database: Database, session: AsyncSession, learner: User
) -> None:
    await seeded(committed_database)
    dry = await invoke("requirements", "reconcile", "--dry-run")
    assert dry.exit_code == 0
    assert "enrollments would be made" in dry.stdout
    assert "1 people looked at. 0 statuses and 0 periods were written" not in dry.stdout
    first = await invoke("requirements", "reconcile")
    assert "2 enrollments were made" in " ".join(first.stdout.split())
    again = await invoke("requirements", "reconcile", "--user", learner.email)
    assert " ".join(again.stdout.split()) == (
        "1 people looked at. 0 statuses and 0 periods were written; "
        "0 enrollments were made, 0 dated anew, 0 withdrawn."
    )


@pytest.mark.full
async def test_seeding_enrolls_nobody(
    committed_database: Database, session: AsyncSession, learner: User
) -> None:
    await seeded(committed_database)
    assert await session.scalar(select(func.count()).select_from(Requirement)) == SEEDED
    periods = select(func.count()).select_from(CertificationPeriod)
    assert await session.scalar(periods) == 2


@pytest.mark.full
async def test_unknown_person(invoke: Invoke) -> None:
    result = await invoke("requirements", "reconcile", "--user", "nobody@unified.example")
    assert result.exit_code == 1


async def test_pending(invoke: Invoke) -> None:
    result = await invoke("requirements", "reconcile", "--pending")
    assert result.exit_code == 0


class TestExplainChanges:
    async def test_says_what_is_shown_and_what_will_be(
        self, invoke: Invoke, committed_database: Database, session: AsyncSession, learner: User
    ) -> None:
        module = await make_module(session)
        await publish(committed_database, module)
        await make_requirement(committed_database, module.id, title="Hand hygiene")
        nothing = await invoke("requirements", "reconcile", "--explain-changes")
        assert (nothing.exit_code, nothing.stdout.splitlines()[-1]) == (
            0,
            "0 statuses would be shown otherwise. Nothing was written.",
        )
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            today = await uow.employment.today_of(learner.id)
        async with unguarded(session):
            session.add(
                VerifiedEvidence(
                    user_id=learner.id, module_id=module.id, day=today, recorded_on=today
                )
            )
        await session.commit()
        told = await invoke("--json", "requirements", "reconcile", "--explain-changes")
        assert told.exit_code == 3
        [change] = json.loads(told.stdout)
        assert (change["email"], change["requirement"]) == (learner.email, "Hand hygiene")
        assert (change["before"]["status"], change["after"]["status"]) == ("due", "compliant")
        assert change["reason"] == f"Applies to everyone. Last shown on {today}."
        lines = (await invoke("requirements", "reconcile", "--explain-changes")).stdout
        assert "Hand hygiene" in lines
        assert "compliant, due" in lines
        done = await invoke("requirements", "reconcile")
        assert done.exit_code == 0
        assert (await invoke("requirements", "reconcile", "--explain-changes")).exit_code == 0

    async def test_what_only_changes_later_is_listed_by_its_first_day(
        self, invoke: Invoke, committed_database: Database, session: AsyncSession, learner: User
    ) -> None:
        module = await make_module(session)
        await publish(committed_database, module)
        made = await make_requirement(committed_database, module.id)
        async with UnitOfWork(committed_database, SYSTEM) as uow:
            today = await uow.employment.today_of(learner.id)
        ends = today + timedelta(days=400)
        session.add(
            RequirementVersion(
                requirement_id=made.id, number=2, effective_from=ends, recorded_on=today, rule=None
            )
        )
        await session.commit()
        told = await invoke("--json", "requirements", "reconcile", "--explain-changes")
        [change] = json.loads(told.stdout)
        assert (change["day"], change["after"]) == (ends.isoformat(), None)
        assert change["reason"] == "No rule is in force."

    async def test_of_one_person(
        self, invoke: Invoke, committed_database: Database, session: AsyncSession, learner: User
    ) -> None:
        other = await make_user(session)
        module = await make_module(session)
        await publish(committed_database, module)
        await make_requirement(committed_database, module.id)
        for user in (learner, other):
            async with unguarded(session):
                session.add(
                    VerifiedEvidence(
                        user_id=user.id,
                        module_id=module.id,
                        day=date(2026, 1, 1),
                        recorded_on=date(2026, 1, 1),
                    )
                )
        await session.commit()
        arguments = ("reconcile", "--explain-changes", "--user", other.email)
        told = await invoke("--json", "requirements", *arguments)
        assert [change["email"] for change in json.loads(told.stdout)] == [other.email]
