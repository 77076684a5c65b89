"""Nobody learns whether an id belongs to a person whom they may not see."""

import json
import re
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import Attendance, LiveSession, TrainingModule, User
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_user
from tests.support import Api, RollbackDatabase

PERSON, MODULE, REQUIREMENT, SESSION = "<person>", "<module>", "<requirement>", "<session>"
TRAINING = {"provider": "P", "title": "T", "completed_on": "2026-03-01", "hours": 1}
LIVE = {
    "module_id": MODULE,
    "starts_at": "2030-01-07T17:00:00Z",
    "duration_minutes": 60,
    "instructor_name": "Ivy Instructor",
    "instructor_qualification": "RN",
}
EVIDENCE = {"purpose": "evidence", "content_type": "application/pdf", "size_bytes": 100}
WAIVER = {"kind": "waiver", "requirement_id": REQUIREMENT, "reason": "R", "starts_on": "2026-01-01"}
PEOPLE_REPORT = f"/reports/compliance/people?user_id={PERSON}"
CYCLE = "profile=california_rdh&cycle_end=2027-06-30"
PEOPLE_FIELD = re.compile(
    r"(\w+_)?(user|manager|instructor|reviewer|contact|owner|person|approver)_ids?|attended|absent"
)
REQUESTS: list[tuple[str, str, Any]] = [
    ("GET", f"/users/{PERSON}", None),
    ("GET", f"/users/{PERSON}/compliance", None),
    ("GET", f"/users/{PERSON}/trainings", None),
    ("GET", f"/users/{PERSON}/ce-credits?{CYCLE}", None),
    ("GET", f"/users/{PERSON}/licence-cycles", None),
    ("GET", f"/users/{PERSON}/employment", None),
    ("GET", f"/users/{PERSON}/positions", None),
    ("GET", f"/users/{PERSON}/positions/{PERSON}", None),
    ("PATCH", f"/users/{PERSON}", {"manager_id": PERSON}),
    ("POST", f"/users/{PERSON}/leave", {"starts_on": "2026-01-01"}),
    ("POST", "/users/invite", {"email": "new@unified.example", "manager_id": PERSON}),
    ("GET", f"/enrollments?user_id={PERSON}", None),
    ("GET", f"/training-records?user_id={PERSON}", None),
    ("GET", f"/external-trainings?user_id={PERSON}", None),
    ("GET", f"/exemptions?user_id={PERSON}", None),
    ("GET", f"/legal-holds?user_id={PERSON}", None),
    ("GET", PEOPLE_REPORT, None),
    ("POST", "/enrollments/bulk", {"module_id": MODULE, "user_ids": [PERSON]}),
    (
        "POST",
        "/external-trainings",
        {**TRAINING, "credential_kind": "infection_control", "user_id": PERSON},
    ),
    ("POST", "/external-trainings", {**TRAINING, "user_id": PERSON}),
    ("POST", "/media", {**EVIDENCE, "user_id": PERSON}),
    ("POST", "/exemptions", {**WAIVER, "user_id": PERSON}),
    ("POST", "/legal-holds", {"user_id": PERSON, "reason": "Claim"}),
    ("POST", "/live-sessions", {**LIVE, "instructor_id": PERSON}),
    ("POST", "/locations", {"name": "N", "time_zone": "UTC", "manager_ids": [PERSON]}),
    ("PATCH", f"/live-sessions/{SESSION}", {"instructor_id": PERSON}),
    ("POST", f"/live-sessions/{SESSION}/roster", {"user_ids": [PERSON]}),
    ("DELETE", f"/live-sessions/{SESSION}/roster/{PERSON}", None),
    ("PUT", f"/live-sessions/{SESSION}/attendance", {"attended": [PERSON]}),
    ("PUT", f"/live-sessions/{SESSION}/attendance", {"absent": [PERSON]}),
    (
        "POST",
        f"/live-sessions/{SESSION}/questions",
        {"user_id": PERSON, "question": "Q", "answer": "A"},
    ),
]


def filled(value: Any, ids: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {name: filled(each, ids) for name, each in value.items()}
    if isinstance(value, list):
        return [filled(each, ids) for each in value]
    if isinstance(value, str):
        for name, each in ids.items():
            value = value.replace(name, each)
    return value


@dataclass(frozen=True, slots=True)
class Scene:
    """What a manager runs, with somebody on the roster whom the manager may not see."""

    module: TrainingModule
    requirement_id: uuid.UUID
    session: LiveSession
    manager: User
    invisible: User

    @property
    def ids(self) -> dict[str, str]:
        return {
            MODULE: str(self.module.id),
            REQUIREMENT: str(self.requirement_id),
            SESSION: str(self.session.id),
        }


@pytest.fixture
async def scene(session: AsyncSession, database: RollbackDatabase, manager: User) -> Scene:
    module = await make_module(session, live_section())
    await publish(database, module)
    requirement = await make_requirement(database, module.id)
    live = await make_live_session(session, module, manager)
    invisible = await make_user(session)
    session.add(Attendance(session_id=live.id, user_id=invisible.id))
    await session.commit()
    return Scene(module, requirement.id, live, manager, invisible)


async def answered(api: Api, caller: User, scene: Scene, person: uuid.UUID) -> list[Any]:
    """Return status and body of every request, without what differs from answer to answer."""
    answers = []
    for method, path, body in REQUESTS:
        ids = {**scene.ids, PERSON: str(person)}
        response = await api.request(
            method,
            filled(path, ids),
            caller,
            json=filled(body, ids),
            headers={"If-Match": "*"} if method in {"PATCH", "DELETE"} else {},
        )
        # An answer may name whom it was asked for.
        told = response.text.replace(str(person), PERSON)
        content = json.loads(told) if told else None
        if isinstance(content, dict):
            content.pop("request_id", None)
        answers.append((method, path, response.status_code, content))
    return answers


@pytest.mark.full
@pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER, Role.AUTHOR])
async def test_unknown_and_invisible_are_the_same(
    api: Api, scene: Scene, session: AsyncSession, role: Role
) -> None:
    caller = scene.manager if role is Role.MANAGER else await make_user(session, role=role)
    unknown = await answered(api, caller, scene, uuid.uuid4())
    assert await answered(api, caller, scene, scene.invisible.id) == unknown
    succeeded = {path for _, path, status, _ in unknown if status < HTTPStatus.BAD_REQUEST}
    assert succeeded <= {"/enrollments/bulk", PEOPLE_REPORT}, "counted as not allowed, or as nobody"


async def test_the_manager_gets_past_the_permission(api: Api, scene: Scene) -> None:
    """The comparison is meaningful: the manager has the permission, so the named person decides."""
    answers = await answered(api, scene.manager, scene, scene.invisible.id)
    invalid = HTTPStatus.UNPROCESSABLE_ENTITY
    assert {path for _, path, status, _ in answers if status == invalid} >= {
        "/external-trainings",
        "/live-sessions",
        f"/live-sessions/{SESSION}",
        f"/live-sessions/{SESSION}/roster",
        f"/live-sessions/{SESSION}/attendance",
        f"/live-sessions/{SESSION}/questions",
    }


def named_people(value: Any) -> set[str]:
    """Return the fields of a body that hold the person."""
    fields = value.items() if isinstance(value, dict) else ()
    return {name for name, each in fields if each in (PERSON, [PERSON])}


@pytest.mark.full
def test_every_field_that_names_a_person_is_asked(application: FastAPI) -> None:
    """A new field that names a person needs a request here."""
    schemas = application.openapi()["components"]["schemas"]
    bodies = {
        content["schema"]["$ref"].rpartition("/")[2]
        for path in application.openapi()["paths"].values()
        for operation in path.values()
        for content in operation.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content.get("schema", {})
    }
    fields = {name for body in bodies for name in schemas[body].get("properties", {})}
    naming = {name for name in fields if PEOPLE_FIELD.fullmatch(name)}
    asked = {name for _, _, body in REQUESTS for name in named_people(body)}
    assert naming == asked
