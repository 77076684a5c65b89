"""Ten years of a group's people, lived through in yearly steps on a real database.

TEST_TEN_YEARS_PEOPLE=2000 takes four times as many. The
years lie in the past, so that the database itself refuses every change of a closed period.
"""

import os
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, text

from app.core.database import Base, Database
from app.core.ids import new_id
from app.core.postgres.table_security import API_ROLE
from app.domain.compliance import periods, status
from app.models import (
    EmploymentChange,
    EvidenceWithdrawal,
    Exemption,
    ExemptionRevocation,
    ModuleVersion,
    Requirement,
    RequirementVersion,
    TrainingModule,
    User,
    VerifiedEvidence,
)
from app.models.content.module import ModuleStatus
from app.services.compliance.compliance_facts import load_catalogue, load_histories
from app.services.compliance.reconciliation import ReconciliationService
from app.services.context import SYSTEM
from app.services.unit_of_work import UnitOfWork
from tests.domain.compliance.brute_force import BruteForce
from tests.factories.requirement import rule_json
from tests.planting import as_owner, unguarded

PEOPLE = int(os.environ.get("TEST_TEN_YEARS_PEOPLE", "500"))
SAMPLED = 25
FIRST, LAST = 2014, 2023
DAY = timedelta(days=1)
DEPARTMENTS = ["Hygiene", "Dentistry", "Front Office"]
ANNUAL = {"months": 12, "window_days": 30, "hard_cap_months": 12}
RULES: list[dict[str, Any]] = [
    {"renewal": ANNUAL, "audience": {"departments": ["Hygiene", "Dentistry"]}},
    {"renewal": {"months": 24, "window_days": 60}, "retrain_days_after_material_change": 30},
    {"renewal": {"months": None}, "retrain_days_after_material_change": 14},
    {
        "renewal": {"anchor": "hire_anniversary", "months": 12, "window_days": 45},
        "first_due": {"kind": "days_after", "event": "assignment", "days": 20},
    },
]
EDITED: dict[str, Any] = {"renewal": {"months": 12, "window_days": 90, "early_renewal": "reanchor"}}


@dataclass
class Person:
    id: uuid.UUID
    hired_on: date
    department: str
    state: str = "active"
    last: dict[int, date] = field(default_factory=dict)


MAY_DATE_VERSIONS = f"GRANT INSERT (created_at) ON module_versions TO {API_ROLE}"

Rows = Iterator[tuple[type[Base], dict[str, Any]]]


class World:
    """What happens, year by year, always the same for the same seed."""

    def __init__(self) -> None:
        self.dice = random.Random(20_26)  # noqa: S311  # a repeatable history, no secret
        self.modules = [new_id() for _ in RULES]
        self.requirements = [new_id() for _ in RULES]
        self.people = [self.person(number) for number in range(PEOPLE)]

    def person(self, number: int) -> Person:
        year = FIRST if number < PEOPLE * 0.7 else self.dice.randint(FIRST, LAST)
        return Person(new_id(), self.some_day(year), self.dice.choice(DEPARTMENTS))

    def some_day(self, year: int) -> date:
        return date(year, 1, 1) + self.dice.randrange(365) * DAY

    def beginning(self) -> Rows:
        for number, (module_id, requirement_id) in enumerate(
            zip(self.modules, self.requirements, strict=True)
        ):
            fields = {"status": ModuleStatus.PUBLISHED, "title": f"Module {number}"}
            yield TrainingModule, {"id": module_id, "slug": f"module-{number}", **fields}
            yield ModuleVersion, self.version(number, 1, date(FIRST - 1, 6, 1), material=False)
            yield Requirement, {"id": requirement_id, "title": f"Requirement {number}"}
            rule = rule_json(module_id, **RULES[number])
            yield RequirementVersion, self.rule(number, 1, date(FIRST - 1, 7, 1), rule)
        for number, person in enumerate(self.people):
            yield User, {"id": person.id, "email": f"person{number}@unified.example"}

    def version(self, number: int, version: int, day: date, *, material: bool) -> dict[str, Any]:
        return {
            "module_id": self.modules[number],
            "number": version,
            "title": f"Module {number}",
            "language": "en",
            "content": b"{}",
            "content_sha256": "0" * 64,
            "answer_key_sha256": "0" * 64,
            "outline": [],
            "material_change": material,
            "created_at": datetime(day.year, day.month, day.day, 12, tzinfo=UTC),
        }

    def rule(self, number: int, version: int, day: date, rule: dict[str, Any]) -> dict[str, Any]:
        return {
            "requirement_id": self.requirements[number],
            "number": version,
            "effective_from": day,
            "recorded_on": day,
            "rule": rule,
        }

    def year(self, year: int) -> Rows:
        if year == FIRST + 3:
            yield ModuleVersion, self.version(1, 2, date(year, 5, 5), material=True)
            yield ModuleVersion, self.version(2, 2, date(year, 8, 9), material=True)
        if year == FIRST + 5:
            rule = rule_json(self.modules[0], **RULES[0] | EDITED)
            yield RequirementVersion, self.rule(0, 2, date(year, 3, 3), rule)
        for person in self.people:
            if person.hired_on.year == year:
                yield self.job(person, person.hired_on)
            if person.hired_on.year <= year:
                yield from self.job_changes(person, year)
                yield from self.trainings(person, year)
                yield from self.exemptions(person, year)

    def job(self, person: Person, day: date, lag: int = 0) -> tuple[type[Base], dict[str, Any]]:
        return EmploymentChange, {
            "user_id": person.id,
            "effective_on": day,
            "recorded_on": day + lag * DAY,
            "state": person.state,
            "role": "learner",
            "location_id": None,
            "department": person.department,
            "job_title": None,
            "hired_on": person.hired_on,
        }

    def job_changes(self, person: Person, year: int) -> Rows:
        chance, day = self.dice.random(), max(self.some_day(year), person.hired_on + DAY)
        if person.state == "terminated":
            if chance < 0.2:
                person.state, person.hired_on = "active", day
                yield self.job(person, day)
        elif chance < 0.06:
            person.state = "terminated"
            yield self.job(person, day)
        elif chance < 0.12:
            person.department = self.dice.choice(DEPARTMENTS)
            yield self.job(person, day, self.dice.choice([0, 0, 10, -20]))
        elif chance < 0.15:
            person.state = "leave"
            yield self.job(person, day)
            person.state = "active"
            yield self.job(person, day + self.dice.randint(20, 90) * DAY)

    def trainings(self, person: Person, year: int) -> Rows:
        for number, module_id in enumerate(self.modules):
            since = person.last.get(number, person.hired_on - 330 * DAY)
            day = since + self.dice.randint(300, 400) * DAY
            if day.year != year or self.dice.random() > 0.85:
                continue
            person.last[number] = day
            evidence_id, recorded_on = new_id(), day + self.dice.choice([0, 0, 0, 15]) * DAY
            fields: dict[str, Any] = {"user_id": person.id, "module_id": module_id}
            fields |= {"id": evidence_id, "day": day, "recorded_on": recorded_on}
            yield VerifiedEvidence, fields
            if self.dice.random() < 0.02:
                withdrawn_on = recorded_on + self.dice.randint(0, 80) * DAY
                fields = {"evidence_id": evidence_id, "reason": "Wrong person"}
                yield EvidenceWithdrawal, {**fields, "recorded_on": withdrawn_on}

    def exemptions(self, person: Person, year: int) -> Rows:
        if self.dice.random() > 0.02:
            return
        day, exemption_id = self.some_day(year), new_id()
        yield (
            Exemption,
            {
                "id": exemption_id,
                "user_id": person.id,
                "requirement_id": self.dice.choice(self.requirements),
                "kind": self.dice.choice(["waiver", "exemption"]),
                "starts_on": day,
                "ends_on": day + 100 * DAY,
                "reason": "Medical",
                "recorded_on": day,
            },
        )
        if self.dice.random() < 0.3:
            fields = {"exemption_id": exemption_id, "reason": "Back earlier"}
            yield ExemptionRevocation, {**fields, "recorded_on": day + 40 * DAY}


async def record(database: Database, rows: Rows) -> None:
    by_table: dict[type[Base], list[dict[str, Any]]] = {}
    for table, row in rows:
        by_table.setdefault(table, []).append(row)
    async with UnitOfWork(database, SYSTEM) as uow:
        await as_owner(uow.users.session, MAY_DATE_VERSIONS)
        async with unguarded(uow.users.session):
            for table, values in by_table.items():
                await uow.users.session.execute(insert(table), values)
        await uow.users.session.execute(
            text(
                "UPDATE training_modules m SET current_version_id = ("
                "SELECT v.id FROM module_versions v WHERE v.module_id = m.id"
                " ORDER BY v.number DESC LIMIT 1)"
            )
        )


async def matrix(database: Database, day: date) -> dict[tuple[Any, ...], int]:
    """Count what was known of a day on that day."""
    statement = text(
        """
        SELECT requirement_id, status, due_on, valid_through, count(*)
          FROM (SELECT requirement_id, status, due_on, valid_through, starts_on, ends_on
                  FROM compliance_segments WHERE known_from <= :day
                 UNION ALL
                SELECT requirement_id, status, due_on, valid_through, starts_on, ends_on
                  FROM superseded_segments WHERE :day BETWEEN known_from AND known_through) known
         WHERE :day BETWEEN starts_on AND ends_on GROUP BY 1, 2, 3, 4
        """
    )
    async with database.reading() as session:
        rows = await session.execute(statement, {"day": day})
        return {tuple(row)[:-1]: row[-1] for row in rows}


@pytest.mark.full
async def test_ten_years(committed_database: Database) -> None:
    world = World()
    service = ReconciliationService(committed_database, SYSTEM)
    await record(committed_database, world.beginning())
    remembered: dict[date, dict[tuple[Any, ...], int]] = {}
    for year in range(FIRST, LAST + 1):
        await record(committed_database, world.year(year))
        today = date(year, 12, 31)
        assert (await service.run(today=today)).changed > PEOPLE / 10
        for day, known in remembered.items():
            assert await matrix(committed_database, day) == known
        remembered[today] = await matrix(committed_database, today)
        assert remembered[today]
    assert (await service.run(today=date(LAST, 12, 31))).changed == 0
    await check_sample(committed_database, world)


async def check_sample(database: Database, world: World) -> None:
    """Compare kept segments and periods, the engine and the model, for some of the people."""
    people = [person.id for person in world.dice.sample(world.people, SAMPLED)]
    last = date(LAST, 12, 31)
    async with UnitOfWork(database, SYSTEM) as uow:
        catalogue = await load_catalogue(uow)
        histories = await load_histories(uow, catalogue, people, today=last)
        kept = await uow.compliance_segments.of_people(people, world.requirements)
        known = await uow.certification_periods.of_people(people, world.requirements)
    for history in histories:
        for requirement_id in world.requirements:
            facts = history.facts(catalogue, requirement_id)
            rules = history.rules(requirement_id)
            segments = [
                row
                for row in kept
                if (row.user_id, row.requirement_id) == (history.user_id, requirement_id)
            ]
            model = BruteForce(facts, rules)
            samples = set(world.dice.sample(range(365 * 10), 12))
            for number in range(365 * 10):
                day = date(FIRST, 1, 1) + number * DAY
                model.live(day, day)
                here = [row for row in segments if row.starts_on <= day <= row.ends_on]
                assert [row.status for row in here] in ([model.status], [])
                assert here or model.status == "not_required"
                if number in samples and here:
                    line = status(facts, rules, day)
                    assert (here[0].due_on, here[0].met_by) == (line.due_on, line.met_by)
            assert periods(facts, rules, last) == tuple(
                period
                for key, period in sorted(known.items(), key=lambda item: item[0][2])
                if key[:2] == (history.user_id, requirement_id)
            )
