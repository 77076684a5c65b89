import io
import uuid
import zipfile
from http import HTTPStatus
from typing import Any

import orjson
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.evidence import live_section, make_live_session
from tests.factories.module import make_module, publish
from tests.factories.requirement import make_requirement
from tests.factories.user import make_location, make_user
from tests.support import Api, RollbackDatabase

BASE = "/audit-packs"
LATER = "2030-01-01"


async def test_anonymous(api: Api) -> None:
    assert (await api.get(BASE)).status_code == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize("role", [Role.LEARNER, Role.MANAGER, Role.AUTHOR])
async def test_admins_only(api: Api, session: AsyncSession, role: Role) -> None:
    user = await make_user(session, role=role)
    assert (await api.get(BASE, user)).status_code == HTTPStatus.FORBIDDEN


async def test_unknown_scope_is_told_before_anything_is_sent(api: Api, admin: User) -> None:
    nothing = str(uuid.uuid4())
    for name, code in (
        ("location", "location_not_found"),
        ("user_id", "user_not_found"),
        ("module_id", "module_not_found"),
    ):
        response = await api.get(BASE, admin, params={name: nothing})
        assert (response.status_code, response.json()["code"]) == (HTTPStatus.NOT_FOUND, code)
    period = {"from": "2026-02-01", "to": "2026-01-31"}
    response = await api.get(BASE, admin, params=period)
    assert response.json()["errors"][0]["code"] == "after_end"


async def test_carries_rosters_questions_and_external_evidence(
    api: Api, admin: User, learner: User, session: AsyncSession, database: RollbackDatabase
) -> None:
    module = await make_module(session, live_section())
    await publish(database, module)
    live = await make_live_session(session, module, admin, learner)
    path = f"/live-sessions/{live.id}"
    question = {"question": "=1+1?", "answer": "Two."}
    await api.post(f"{path}/questions", admin, json=question)
    await api.put(f"{path}/attendance", admin, json={"attended": [str(learner.id)]})
    await api.post(f"{path}/close", admin)
    course = {
        "provider": "@provider",
        "title": "BLS",
        "completed_on": "2026-01-10",
        "hours": 4,
        "credential_kind": "bls",
        "printed_expiry": "2099-12-31",
    }
    entered = await api.post("/external-trainings", learner, json=course)
    verify = f"/external-trainings/{entered.json()['id']}/verify"
    await api.post(verify, admin, json={"reason": "Card seen"})
    response = await api.get(BASE, admin)
    assert response.headers["Content-Type"] == "application/zip"
    assert "attachment" in response.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        [line] = orjson.loads(archive.read("rosters.json"))
        assert (line["full_name"], line["status"]) == (learner.full_name, "attended")
        assert line["instructor_qualification"] == "RN, infection control"
        [asked] = orjson.loads(archive.read("questions.json"))
        assert asked["question"] == "=1+1?"
        assert "'=1+1?" in archive.read("questions.csv").decode("utf-8-sig")
        [training] = orjson.loads(archive.read("external_trainings.json"))
        assert training["provider"] == "@provider"
        assert "'@provider" in archive.read("external_trainings.csv").decode("utf-8-sig")


class TestCompliance:
    async def packed(self, api: Api, admin: User, **query: str) -> list[dict[str, Any]]:
        response = await api.get(BASE, admin, params=query)
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            manifest = orjson.loads(archive.read("manifest.json"))
            lines: list[dict[str, Any]] = orjson.loads(archive.read("compliance.json"))
        days = {(line["as_of"], line["known_on"]) for line in lines}
        assert days <= {tuple(manifest["compliance"].values())}
        return lines

    async def reported(self, api: Api, admin: User, **query: str) -> list[dict[str, Any]]:
        response = await api.get("/reports/compliance.json", admin, params=query)
        lines: list[dict[str, Any]] = response.json()["items"]
        return sorted(lines, key=lambda line: (line["user_id"], line["requirement_id"]))

    @pytest.mark.full
    async def test_says_of_any_day_what_reports_say(
        self, api: Api, admin: User, session: AsyncSession, database: RollbackDatabase
    ) -> None:
        place = await make_location(session)
        person = await make_user(session, location_id=place.id)
        module = await make_module(session)
        await publish(database, module)
        asked = await make_requirement(database, module.id)
        await make_requirement(database, (await make_module(session)).id)
        scopes: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
            ({}, {}),
            ({"location": str(place.id)}, {"location": str(place.id)}),
            ({"user_id": str(person.id)}, {"user_id": str(person.id)}),
            ({"module_id": str(module.id)}, {"requirement": str(asked.id)}),
        )
        for pack, report in scopes:
            for days in ({}, {"as_of": "2027-01-01"}, {"as_of": "2027-01-01", "known_on": LATER}):
                lines = await self.packed(api, admin, **pack, **days)
                assert lines
                assert lines == await self.reported(api, admin, **report, **days)

    async def test_says_what_was_known(
        self, api: Api, admin: User, database: RollbackDatabase, session: AsyncSession
    ) -> None:
        await make_requirement(database, (await make_module(session)).id)
        assert await self.packed(api, admin)
        assert await self.packed(api, admin, known_on="2001-01-01") == []
