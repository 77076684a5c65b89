"""From an author's first draft to evidence that an auditor can check."""

import hashlib
import uuid
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.integrations.auth_admin import AuthUser
from app.models import Location, User
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from tests.factories.user import make_location, make_user
from tests.factories.word import list_words
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.journeys.people import Author, Learner
from tests.support import Api, etag

pytestmark = pytest.mark.full

TEXT = {
    "kind": "text",
    "title": "Standard precautions",
    "body": "<p>Treat all blood as infectious.</p><script>alert(1)</script>",
}
POLICY = {
    "kind": "acknowledgement",
    "title": "Exposure control plan",
    "body": "<p>Report every exposure at once.</p>",
    "settings": {"statement": "I have read the plan."},
}
READING = {"kind": "text", "title": "Further reading", "body": "<p>CDC.</p>", "required": False}


@pytest.fixture
async def office(session: AsyncSession) -> Location:
    return await make_location(session, name="Sacramento", time_zone="America/Los_Angeles")


@pytest.fixture
async def at_work(
    committed_api: Api, session: AsyncSession, office: Location, auth_admin: InMemoryAuthAdmin
) -> Learner:
    """An invited person who signs in for the first time."""
    invited = await make_user(
        session, supabase_id=None, full_name="Lee Learner", location_id=office.id
    )
    invited.supabase_id = uuid.uuid4()
    auth_admin.put(AuthUser(invited.supabase_id, invited.email, email_confirmed=True))
    return Learner(committed_api, invited)


@pytest.fixture
def writer(committed_api: Api, author: User) -> Author:
    return Author(committed_api, author)


async def test_from_sign_in_to_training_record(
    committed_database: Database, writer: Author, at_work: Learner, office: Location
) -> None:
    api, learner = at_work.api, at_work
    module_id = await writer.draft("Bloodborne pathogens", TEXT, POLICY, READING)
    catalogue = await api.get("/modules", learner.user)
    assert catalogue.json()["items"] == []
    version = await writer.publish(module_id, note="First edition")

    # Sign-in claims the invited row: no second person appears.
    me = (await api.get("/users/me", learner.user)).json()
    assert (me["id"], me["location"]) == (str(learner.user.id), "Sacramento")
    [card] = (await api.get("/modules", learner.user)).json()["items"]
    enrollment = await learner.enroll(card["id"])
    assert (enrollment["status"], enrollment["progress_percent"]) == ("active", 0)
    text, policy, _reading = enrollment["sections"]

    content = await api.get(f"/enrollments/{enrollment['id']}/content", learner.user)
    assert hashlib.sha256(content.content).hexdigest() == version["content_sha256"]
    assert "script" not in content.text

    state = await learner.read(enrollment["id"], text)
    assert (state["status"], state["progress_percent"]) == ("active", 50)
    signed = await learner.sign(enrollment["id"], policy)
    assert (signed["enrollment"]["status"], signed["enrollment"]["progress_percent"]) == (
        "completed",
        100,
    )

    [record] = await learner.records()
    completed = datetime.fromisoformat(record["completed_at"])
    assert record["user_snapshot"]["full_name"] == "Lee Learner"
    assert record["user_snapshot"]["location"] == office.name
    assert record["time_zone"] == office.time_zone
    assert (
        record["local_date"] == completed.astimezone(ZoneInfo(office.time_zone)).date().isoformat()
    )
    assert (record["version"], record["content_sha256"]) == (1, version["content_sha256"])
    detail = (await api.get(f"/training-records/{record['id']}", learner.user)).json()
    assert record["previous_hash"] == "0" * 64
    covered = (record["previous_hash"] + detail["payload"]).encode()
    assert hashlib.sha256(covered).hexdigest() == record["hash"]
    assert signed["signature"]["document_sha256"] in detail["payload"]

    evidence = TrainingRecordService(committed_database, SYSTEM)
    while await evidence.seal() is not None:
        pass
    verified = await evidence.verify()
    assert (verified.records, verified.unsealed, verified.broken) == (1, 0, None)


async def test_who_sees_a_record(
    session: AsyncSession, writer: Author, at_work: Learner, office: Location, admin: User
) -> None:
    api = at_work.api
    elsewhere = await make_location(session)
    manager = await make_user(session, role=Role.MANAGER, location_id=office.id)
    other_manager = await make_user(session, role=Role.MANAGER, location_id=elsewhere.id)
    assigned = await make_user(session, role=Role.MANAGER, location_id=elsewhere.id)
    location = await api.get(f"/locations/{office.id}", admin)
    await api.patch(
        f"/locations/{office.id}",
        admin,
        headers=etag(location),
        json={"manager_ids": [str(assigned.id)]},
    )
    module_id = await writer.draft("Hazard communication", TEXT)
    await writer.publish(module_id)
    enrollment = await at_work.enroll(module_id)
    await at_work.read(enrollment["id"], enrollment["sections"][0])
    [record] = await at_work.records()
    paths = [
        f"/training-records/{record['id']}",
        f"/training-records?user_id={at_work.user.id}",
        f"/enrollments/{enrollment['id']}",
        f"/enrollments?user_id={at_work.user.id}",
        f"/users/{at_work.user.id}",
    ]
    for path in paths:
        for user in (at_work.user, manager, assigned, admin):
            assert (await api.get(path, user)).status_code == httpx.codes.OK
        for user in (other_manager, await make_user(session), writer.user):
            assert (await api.get(path, user)).status_code == httpx.codes.NOT_FOUND
        assert (await api.get(path)).status_code == httpx.codes.UNAUTHORIZED


async def test_publishing_again_keeps_a_learner_on_the_pinned_version(
    committed_api: Api, writer: Author, at_work: Learner, other_learner: User
) -> None:
    module_id = await writer.draft("Infection control", TEXT, POLICY)
    first = await writer.publish(module_id)
    enrollment = await at_work.enroll(module_id)
    text, policy = enrollment["sections"]
    assert (await at_work.read(enrollment["id"], text))["progress_percent"] == 50

    await writer.rewrite(module_id, 0, title="Precautions, rewritten", body="<p>New.</p>")
    second = await writer.publish(module_id, material_change=True)
    assert (second["number"], second["content_sha256"]) != (1, first["content_sha256"])

    kept = await at_work.see(enrollment["id"])
    assert (kept["version"], kept["progress_percent"]) == (1, 50)
    assert kept["sections"][0]["title"] == "Standard precautions"
    assert await at_work.enroll(module_id) == kept
    content = await committed_api.get(f"/enrollments/{enrollment['id']}/content", at_work.user)
    assert hashlib.sha256(content.content).hexdigest() == first["content_sha256"]

    newcomer = await Learner(committed_api, other_learner).enroll(module_id)
    assert (newcomer["version"], newcomer["sections"][0]["title"]) == (2, "Precautions, rewritten")
    # Sections keep their ids from version to version.
    assert [section["section_id"] for section in newcomer["sections"]] == [
        section["section_id"] for section in kept["sections"]
    ]

    await at_work.sign(enrollment["id"], policy)
    [record] = await at_work.records()
    assert (record["version"], record["content_sha256"]) == (1, first["content_sha256"])
    # The next cycle begins on the current version; what was recorded stays.
    again = await at_work.enroll(module_id)
    assert (again["id"] != enrollment["id"], again["version"], again["progress_percent"]) == (
        True,
        2,
        0,
    )
    assert await at_work.records() == [record]


async def test_a_record_keeps_who_somebody_was(
    committed_api: Api,
    session: AsyncSession,
    writer: Author,
    at_work: Learner,
    admin: User,
) -> None:
    await list_words(session, departments=["Hygiene"])
    for title in ("Radiation safety", "HIPAA privacy"):
        module_id = await writer.draft(title, TEXT)
        await writer.publish(module_id)
        enrollment = await at_work.enroll(module_id)
        await at_work.read(enrollment["id"], enrollment["sections"][0])
        person = await committed_api.get(f"/users/{at_work.user.id}", admin)
        moved = await make_location(session, time_zone="America/New_York")
        change = {"full_name": "Lee Married", "location_id": str(moved.id), "department": "Hygiene"}
        assert (
            await committed_api.patch(
                f"/users/{at_work.user.id}", admin, headers=etag(person), json=change
            )
        ).is_success
    records = {record["module_title"]: record for record in await at_work.records()}
    before, after = records["Radiation safety"], records["HIPAA privacy"]
    assert before["user_snapshot"]["full_name"] == "Lee Learner"
    assert before["time_zone"] == "America/Los_Angeles"
    assert after["user_snapshot"]["full_name"] == "Lee Married"
    assert after["user_snapshot"]["department"] == "Hygiene"
    assert after["time_zone"] == "America/New_York"
    assert after["previous_hash"] == before["hash"]


async def test_prerequisites_open_one_after_the_other(
    committed_api: Api, writer: Author, at_work: Learner, author: User
) -> None:
    basics, advanced = await writer.draft("Basics", TEXT), await writer.draft("Advanced", TEXT)
    module = await committed_api.get(f"/modules/{advanced}", author)
    await committed_api.patch(
        f"/modules/{advanced}", author, headers=etag(module), json={"prerequisite_ids": [basics]}
    )
    await writer.publish(basics)
    await writer.publish(advanced)
    refused = await committed_api.post("/enrollments", at_work.user, json={"module_id": advanced})
    assert (refused.status_code, refused.json()["code"]) == (409, "prerequisite_missing")
    assert refused.json()["module_ids"] == [basics]
    first = await at_work.enroll(basics)
    await at_work.read(first["id"], first["sections"][0])
    assert (await at_work.enroll(advanced))["status"] == "active"


async def test_a_leaver_is_cut_off_and_stays_in_the_evidence(
    committed_api: Api,
    committed_database: Database,
    writer: Author,
    at_work: Learner,
    admin: User,
) -> None:
    module_id = await writer.draft("Hand hygiene", TEXT)
    await writer.publish(module_id)
    enrollment = await at_work.enroll(module_id)
    await at_work.read(enrollment["id"], enrollment["sections"][0])
    token = committed_api.bearer(at_work.user)
    person = await committed_api.get(f"/users/{at_work.user.id}", admin)
    left = await committed_api.patch(
        f"/users/{at_work.user.id}", admin, headers=etag(person), json={"is_active": False}
    )
    assert left.is_success
    refused = await committed_api.get("/users/me", headers=token)
    assert (refused.status_code, refused.json()["code"]) == (403, "user_inactive")
    kept = await committed_api.get(f"/training-records?user_id={at_work.user.id}", admin)
    assert len(kept.json()["items"]) == 1
    assert (await TrainingRecordService(committed_database, SYSTEM).verify()).broken is None
