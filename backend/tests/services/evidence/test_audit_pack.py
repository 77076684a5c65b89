import csv
import io
import json
import subprocess
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.compliance.incident import IncidentKind
from app.models import (
    AuditEvent,
    CorrectiveStep,
    CorrectiveStepCompletion,
    Incident,
    IncidentPerson,
    ModuleTeaching,
    Requirement,
    TrainingRecord,
    User,
)
from app.services.context import SYSTEM
from app.services.evidence.audit_pack import AuditPack, AuditPackService, PackQuery
from app.services.evidence.training_record import TrainingRecordService
from tests.content.verifier.packs import verify_file
from tests.factories.merge import make_merge
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.retention import COMPLETED, make_record
from tests.factories.user import make_location, make_user
from tests.support import RollbackDatabase

Files = dict[str, bytes]
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "'quoted"]


@pytest.fixture
async def people(session: AsyncSession, database: RollbackDatabase) -> list[User]:
    """Two people with three sealed records each, and one more that is not sealed yet."""
    people = [await make_user(session, job_title="Hygienist") for _ in range(2)]
    modules = [await make_module(session) for _ in range(4)]
    for module in modules:
        await publish(database, module)
    session.add(
        ModuleTeaching(
            module_id=modules[0].id,
            contact_name="Ivy Instructor",
            contact_qualification="RN, infection control",
        )
    )
    await session.commit()
    for person in people:
        for module in modules[:3]:
            await make_record(session, person, module)
    await TrainingRecordService(database, SYSTEM).seal()
    await make_record(session, people[0], modules[3], datetime.now(UTC))
    return people


async def pack(
    database: RollbackDatabase, query: PackQuery | None = None
) -> tuple[AuditPack, Files]:
    opened = await AuditPackService(database, SYSTEM).open(query or PackQuery())
    content = b"".join([piece async for piece in opened.stream])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return opened, {name: archive.read(name) for name in archive.namelist()}


async def verify(files: Files, folder: Path) -> subprocess.CompletedProcess[str]:
    with zipfile.ZipFile(folder / "pack.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return await verify_file(folder / "pack.zip")


def items(files: Files, name: str) -> list[dict[str, Any]]:
    return list(json.loads(files[name]))


class TestHonestPack:
    async def test_holds(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path
    ) -> None:
        opened, files = await pack(database)
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert result.stdout.startswith("7 records")
        assert opened.manifest_sha256 is not None
        assert opened.manifest_sha256 in result.stdout
        assert opened.seal_head in result.stdout

    async def test_holds_unpacked(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path
    ) -> None:
        _, files = await pack(database)
        for name, content in files.items():
            path = tmp_path / "pack" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        result = await verify_file(tmp_path / "pack")
        assert (result.stderr, result.returncode) == ("", 0)

    async def test_holds_without_records(self, database: RollbackDatabase, tmp_path: Path) -> None:
        _, files = await pack(database)
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert items(files, "records.json") == []

    async def test_of_a_person_has_all_their_entries(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, session: AsyncSession
    ) -> None:
        person, twin = [each.id for each in people]
        await make_merge(session, database, people[0], people[1])
        _, files = await pack(database, PackQuery(user_id=person))
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        links = items(files, "chains.json")
        assert {link["user_id"] for link in links} == {str(person), str(twin)}

    async def test_of_an_office_has_all_entries_of_its_people_and_of_nobody_else(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, session: AsyncSession
    ) -> None:
        """The other entry worked nowhere; of another office two entries were merged as well."""
        here, elsewhere = [await make_location(session, time_zone="UTC") for _ in range(2)]
        person = await make_user(session, location_id=here.id)
        strangers = [await make_user(session, location_id=elsewhere.id) for _ in range(2)]
        await make_merge(session, database, person, people[1])
        await make_merge(session, database, *strangers)
        _, files = await pack(database, PackQuery(location_id=here.id))
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        records = items(files, "records.json")
        assert [record["user_id"] for record in records] == [str(people[1].id)] * 3
        told = [piece for piece in items(files, "evidence.json") if piece["kind"] == "merges"]
        merged = [json.loads(piece["content"])["merged_id"] for piece in told]
        assert merged == [str(people[1].id)]

    async def test_evidence_of_a_merged_entry_covers_the_person(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, session: AsyncSession
    ) -> None:
        person, twin = [each.id for each in people]
        module = await make_module(session)
        await publish(database, module)
        await make_requirement(database, module.id)
        await make_record(session, people[1], module, datetime.now(UTC))
        await make_merge(session, database, people[0], people[1])
        _, files = await pack(database)
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        lines = {line["user_id"]: line for line in items(files, "compliance.json")}
        assert lines[str(person)]["status"] == "compliant"
        assert str(twin) not in lines
        told = [piece for piece in items(files, "evidence.json") if piece["kind"] == "merges"]
        assert len(told) == 1

    async def test_a_part_of_somebodys_chain_holds(
        self, database: RollbackDatabase, people: list[User], tmp_path: Path, session: AsyncSession
    ) -> None:
        module_id = await session.scalar(
            select(TrainingRecord.module_id).where(TrainingRecord.sequence == 2).limit(1)
        )
        _, files = await pack(database, PackQuery(module_id=module_id))
        result = await verify(files, tmp_path)
        assert (result.stderr, result.returncode) == ("", 0)
        assert {record["sequence"] for record in items(files, "records.json")} == {2}
        links = items(files, "chains.json")
        outside = [link for link in links if link["state"] == "excluded"]
        assert len(outside) == 5
        assert all(link["record_id"] is None for link in outside)

    async def test_scopes(
        self, database: RollbackDatabase, people: list[User], session: AsyncSession
    ) -> None:
        day = COMPLETED.date()
        location = await make_location(session)
        people[1].location_id = location.id
        session.add(people[1])
        await session.commit()
        for query, expected in (
            (PackQuery(user_id=people[0].id), 4),
            (PackQuery(location_id=location.id), 3),
            (PackQuery(from_day=day, to_day=day), 6),
            (PackQuery(to_day=day.replace(day=1)), 0),
            (PackQuery(from_day=day.replace(day=31)), 1),
        ):
            opened, files = await pack(database, query)
            assert opened.records == expected == len(items(files, "records.json"))

    async def test_says_which_fields_are_missing(
        self, database: RollbackDatabase, people: list[User]
    ) -> None:
        _, files = await pack(database, PackQuery(user_id=people[1].id))
        missing = [check["missing"] for check in items(files, "check.json")]
        # This is so for the module with a contact on file too, since nobody attended a class.
        assert missing == [["names_and_qualifications_of_trainers"]] * 3

    async def test_is_audited_with_its_manifest(
        self, database: RollbackDatabase, people: list[User], session: AsyncSession
    ) -> None:
        opened, _ = await pack(database)
        events = await session.scalars(
            select(AuditEvent)
            .where(AuditEvent.target_id == opened.pack_id)
            .order_by(AuditEvent.created_at)
        )
        requested, completed = events.all()
        assert requested.action == "audit_pack:requested"
        assert completed.after == {"manifest_sha256": opened.manifest_sha256, "records": 7}

    @pytest.mark.parametrize("text", FORMULAS)
    async def test_spreadsheets_run_nothing(
        self, database: RollbackDatabase, session: AsyncSession, text: str, tmp_path: Path
    ) -> None:
        person = await make_user(session, full_name=text, job_title=text)
        module = await make_module(session, title=f"{text} module")
        await publish(database, module)
        await make_record(session, person, module)
        _, files = await pack(database)
        [row] = csv.DictReader(io.StringIO(files["records.csv"].decode("utf-8-sig"), newline=""))
        assert row["full_name"] == f"'{text}"
        [record] = items(files, "records.json")
        assert json.loads(record["payload"])["user"]["full_name"] == text
        assert (await verify(files, tmp_path)).returncode == 0


@pytest.mark.full
async def test_incidents_with_people_and_steps_are_in_it(
    session: AsyncSession, database: RollbackDatabase, people: list[User], tmp_path: Path
) -> None:
    requirement = Requirement(title="Exposure")
    session.add(requirement)
    await session.flush()
    day = COMPLETED.date()
    incident = Incident(
        kind=IncidentKind.EXPOSURE,
        day=day,
        requirement_id=requirement.id,
        retrain_by=day,
        description="A needlestick.",
    )
    session.add(incident)
    await session.flush()
    step = CorrectiveStep(
        incident_id=incident.id, step="New boxes.", owner_id=people[1].id, due_on=day
    )
    session.add_all(
        [
            *(
                IncidentPerson(incident_id=incident.id, user_id=person.id, recorded_on=day)
                for person in people
            ),
            step,
        ]
    )
    await session.flush()
    session.add(CorrectiveStepCompletion(step_id=step.id, done_on=day, note="Hung up."))
    await session.commit()
    await TrainingRecordService(database, SYSTEM).seal()
    of_one = PackQuery(user_id=people[0].id)
    for query, named in ((PackQuery(), people), (of_one, people[:1])):
        opened = await AuditPackService(database, SYSTEM).open(query)
        path = tmp_path / "pack.zip"
        path.write_bytes(b"".join([piece async for piece in opened.stream]))
        assert (await verify_file(path)).returncode == 0
        with zipfile.ZipFile(path) as archive:
            evidence = json.loads(archive.read("evidence.json"))
        kinds = Counter(each["kind"] for each in evidence)
        assert (kinds["incidents"], kinds["corrective_steps"]) == (1, 1)
        assert kinds["corrective_step_completions"] == 1
        texts = [
            json.loads(each["content"]) for each in evidence if each["kind"] == "incident_people"
        ]
        assert {each["user_id"] for each in texts} == {str(person.id) for person in named}
    before = PackQuery(to_day=day - timedelta(days=1))
    _, files = await pack(database, before)
    assert not any(each["kind"] == "incidents" for each in json.loads(files["evidence.json"]))
