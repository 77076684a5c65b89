"""Every change is audited and every event tells of a change: a random run of all that writes.

The database notes which rows each transaction changes; the notes are then held against its events.
"""

import json
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from fastapi import FastAPI
from sqlalchemy import update

from app.core.database import Base, Database
from app.domain.audit import AuditAction
from app.models import AuditEvent, Location
from devstack.postgres import EmbeddedPostgres
from tests.contracts.matrix import OWNER, Row, core_rows, path_ids
from tests.contracts.matrix_compliance import compliance_rows, made
from tests.contracts.world import World, build_world
from tests.planting import plant
from tests.support import Api

pytestmark = pytest.mark.full

REQUESTS = 250
NOTES = """
CREATE TABLE notes (transaction xid8, relation text, row jsonb, changed text[]);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO notes VALUES (
        pg_current_xact_id(), TG_TABLE_NAME, to_jsonb(coalesce(NEW, OLD)),
        CASE TG_OP WHEN 'UPDATE' THEN ARRAY(
            SELECT key FROM jsonb_each(to_jsonb(NEW)) AS new(key, value)
             WHERE to_jsonb(OLD) -> key IS DISTINCT FROM value
        ) ELSE ARRAY[TG_OP] END
    );
    RETURN NULL;
END $$;
"""
WATCH = """
CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON {}
   FOR EACH ROW EXECUTE FUNCTION note()
"""
# Tables whose rows are derived from other rows or are deleted after a day.
DERIVED = {
    "account_moves",
    "account_removals",
    "study_times",
    "certification_periods",
    "compliance_counts",
    "compliance_days",
    "compliance_pending",
    "compliance_segments",
    "idempotency_keys",
    "invitation_claims",
}
# Steps of learners that write no event, because the rows themselves record them.
UNDER_WAY = {
    "enrollments": {"progress_percent", "status", "started_at", "last_activity_at"},
    "quiz_attempts": {"answers", "answer_seconds"},
    "section_progress": {
        "INSERT",
        "seconds_spent",
        "position",
        "state",
        "started_at",
        "site_facts",
    },
    "users": {"last_sign_in"},
}
TOUCHED = {"updated_at", "revision"}
CREATED = {
    "departments": AuditAction.DEPARTMENT_CREATED,
    "enrollments": AuditAction.ENROLLMENT_CREATED,
    "exemptions": AuditAction.EXEMPTION_GRANTED,
    "external_trainings": AuditAction.EXTERNAL_TRAINING_ENTERED,
    "incidents": AuditAction.INCIDENT_RECORDED,
    "job_titles": AuditAction.JOB_TITLE_CREATED,
    "legal_holds": AuditAction.LEGAL_HOLD_PLACED,
    "live_sessions": AuditAction.LIVE_SESSION_CREATED,
    "locations": AuditAction.LOCATION_CREATED,
    "media": AuditAction.MEDIA_DECLARED,
    "merges": AuditAction.MERGE_PROPOSED,
    "module_sections": AuditAction.SECTION_CREATED,
    "positions": AuditAction.POSITION_CREATED,
    "source_checks": AuditAction.SOURCE_CHECK_RECORDED,
    "quiz_attempts": AuditAction.ATTEMPT_STARTED,
    "requirements": AuditAction.REQUIREMENT_CREATED,
    "training_modules": AuditAction.MODULE_CREATED,
    "training_records": AuditAction.TRAINING_RECORD_ISSUED,
    "users": AuditAction.USER_INVITED,
}
INVITED_OR_NOT = {AuditAction.USER_CREATED.value: AuditAction.USER_INVITED.value}
"""Two events tell of a new person."""

WRITTEN = {"title", "name", "email", "job_title", "full_name", "prompt"}
PART_OF_A_SECTION = {"seconds_spent": 5, "position": 1, "completed": False}


@dataclass
class Transaction:
    changes: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """What was changed, by table: columns, INSERT or DELETE."""

    inserted: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By action and target."""

    def note(self, relation: str, row: dict[str, Any], changed: set[str]) -> None:
        if relation == "audit_events":
            action = row["action"]
            self.events[INVITED_OR_NOT.get(action, action), row["target_id"]] += 1
        elif relation not in DERIVED and (counts := changed - TOUCHED):
            self.changes[relation] |= counts
            # What is said of a position later is a further row.
            is_first = row.get("position_id", row.get("id")) == row.get("id")
            if "INSERT" in changed and relation in CREATED and is_first:
                self.inserted[CREATED[relation], row["id"]] += 1

    @property
    def is_silent(self) -> bool:
        counting = (made - UNDER_WAY.get(table, set()) for table, made in self.changes.items())
        return not self.events and any(counting)

    @property
    def is_loud(self) -> bool:
        return bool(self.events) and not self.changes

    @property
    def created(self) -> Counter[tuple[str, str]]:
        actions = set(CREATED.values())
        return Counter({event: n for event, n in self.events.items() if event[0] in actions})


class Notes:
    """The notes that the database makes of its own changes, by triggers of its owner."""

    def __init__(self, owner: asyncpg.Connection) -> None:
        self._owner = owner

    async def begin(self) -> None:
        await self._owner.execute(NOTES)
        for table in Base.metadata.tables:
            await self._owner.execute(WATCH.format(table))

    async def forget(self) -> None:
        await self._owner.execute("TRUNCATE notes")

    async def transactions(self) -> list[Transaction]:
        found: dict[str, Transaction] = defaultdict(Transaction)
        for note in await self._owner.fetch("SELECT * FROM notes"):
            row = json.loads(note["row"])
            found[note["transaction"]].note(note["relation"], row, set(note["changed"]))
        return list(found.values())


@pytest.fixture
async def notes(postgres: EmbeddedPostgres, committed_database: Database) -> AsyncIterator[Notes]:
    connection = await asyncpg.connect(postgres.dsn(committed_database.engine.url.database or ""))
    notes = Notes(connection)
    await notes.begin()
    yield notes
    await connection.close()


class Run:
    """Sends the requests of the matrix as somebody who may, repeatedly and in random order."""

    def __init__(self, api: Api, app: FastAPI, seed: int) -> None:
        self._api = api
        self._dice = random.Random(seed)  # noqa: S311  # a repeatable run, no secret
        self._operations = {
            operation["operationId"]: (method.upper(), path)
            for path, item in app.openapi()["paths"].items()
            for method, operation in item.items()
        }
        self.done: Counter[str] = Counter()

    async def through(self, world: World, notes: Notes) -> list[Transaction]:
        ids = path_ids(world) | await made(self._api, world)
        started = Row("report_progress", OWNER, json=PART_OF_A_SECTION)
        rows = [started, *core_rows(world), *compliance_rows(world, ids)]
        writing = [
            row for row in rows if row.allowed and self._operations[row.operation][0] != "GET"
        ]
        await notes.forget()
        for _ in range(REQUESTS):
            row = self._dice.choice(writing)
            person = getattr(world.people, self._dice.choice(sorted(row.allowed)))
            await self._send(row, self._api.bearer(person), ids)
        return await notes.transactions()

    async def _send(self, row: Row, headers: dict[str, str], ids: dict[str, object]) -> None:
        method, path = self._operations[row.operation]
        for name, value in (ids | dict(row.path)).items():
            path = path.replace(f"{{{name}}}", quote(str(value)))
        headers |= {"If-Match": "*"} | ({"Content-Type": "text/plain"} if row.content else {})
        response = await self._api.client.request(
            method,
            path,
            params={name: str(value) for name, value in row.query.items()},
            json=None if row.json is None else self._varied(row.json),
            content=row.content,
            headers=headers,
        )
        assert response.status_code < 500
        self.done[row.operation] += response.is_success

    def _varied(self, body: dict[str, Any]) -> dict[str, Any]:
        """Change most texts a little, so that edits change something and new names are new."""
        number = self._dice.randrange(100_000)
        return body | {
            name: f"{number}{text}"
            for name, text in body.items()
            if name in WRITTEN and isinstance(text, str) and self._dice.random() < 0.8
        }


@pytest.mark.parametrize("seed", range(4))
async def test_events_and_changes_are_one_to_one(
    committed_api: Api, committed_database: Database, notes: Notes, app: FastAPI, seed: int
) -> None:
    run = Run(committed_api, app, seed)
    found = await run.through(await build_world(committed_database), notes)
    changed = [each for each in found if each.changes and each.events]
    print(f"{len(changed)} changes by {len(+run.done)} operations, each with its events")  # noqa: T201  # figures to look at with `pytest -rP`
    assert [each for each in found if each.is_silent] == []
    assert [each for each in found if each.is_loud] == []
    assert [each for each in found if each.created != each.inserted] == []
    assert len(changed) > REQUESTS / 5
    assert len(+run.done) > 25


async def test_a_silent_change_and_an_event_of_nothing_are_found(
    committed_api: Api, committed_database: Database, notes: Notes
) -> None:
    world = await build_world(committed_database)
    await notes.forget()
    async with committed_database.writing() as session:
        await session.execute(update(Location).values(name=Location.name + "!"))
        await session.commit()
        of_office = {"target_type": "location", "target_id": world.office.id}
        await plant(session, AuditEvent, action="location:updated", **of_office)
        await session.commit()
        await plant(session, AuditEvent, action="location:created", **of_office)
        await session.execute(update(Location).values(name=Location.name + "?"))
        await session.commit()
    silent, loud, wrong = await notes.transactions()
    assert silent.is_silent
    assert loud.is_loud
    assert wrong.created != wrong.inserted
