"""The register of cards and licences, as it follows from external evidence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.user import make_user
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api

TODAY = datetime.now(UTC).date()
REASON = {"reason": "Looked it up at the board, status clear"}


def in_days(days: int) -> str:
    return (TODAY + timedelta(days=days)).isoformat()


@pytest.fixture
async def manager_of(session: AsyncSession, learner: User) -> User:
    manager = await make_user(session, role=Role.MANAGER)
    learner.manager_id = manager.id
    session.add(learner)
    await session.commit()
    return manager


async def card(
    api: Api, user: User, verifier: User | None, expires_in: int | None, kind: str = "RDH"
) -> str:
    body: dict[str, Any] = {
        "provider": "Dental Hygiene Board of California",
        "title": "Licence",
        "credential_kind": kind,
        "completed_on": in_days(-700),
        "printed_expiry": None if expires_in is None else in_days(expires_in),
        "hours": 0,
    }
    entered = await api.post("/external-trainings", user, json=body)
    assert entered.status_code == 201, entered.text
    evidence_id = str(entered.json()["id"])
    if verifier is not None:
        path = f"/external-trainings/{evidence_id}/verify"
        assert (await api.post(path, verifier, json=REASON)).is_success
    return evidence_id


class TestCredentials:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        assert_anonymous(await api.get(f"/users/{learner.id}/credentials"))

    async def test_does_not_see_others(
        self, api: Api, learner: User, other_learner: User, manager: User
    ) -> None:
        for user in (other_learner, manager):
            response = await api.get(f"/users/{learner.id}/credentials", user)
            assert_problem(response, 404, "user_not_found")

    async def test_each_card_and_where_it_stands(
        self, api: Api, learner: User, manager_of: User
    ) -> None:
        before = await card(api, learner, manager_of, -30, "dental hygienist")
        now = await card(api, learner, manager_of, 40)
        waiting = await card(api, learner, None, 800)
        for user in (learner, manager_of):
            body = (await api.get(f"/users/{learner.id}/credentials", user)).json()
            found = {item["id"]: item for item in body["items"]}
            assert {key: item["status"] for key, item in found.items()} == {
                before: "superseded",
                now: "current",
                waiting: "pending",
            }
            assert {item["kind"] for item in found.values()} == {"rdh"}
            assert found[now]["renews_id"] == before
            assert found[now]["verified_by_id"] == str(manager_of.id)
            assert found[waiting]["verified_by_id"] is None

    async def test_withdrawn(self, api: Api, learner: User, manager_of: User) -> None:
        forged = await card(api, learner, manager_of, 40)
        path = f"/external-trainings/{forged}/withdraw"
        assert (await api.post(path, manager_of, json=REASON)).is_success
        [item] = (await api.get(f"/users/{learner.id}/credentials", learner)).json()["items"]
        assert item["status"] == "withdrawn"


class TestExpiring:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/credentials"))

    async def test_what_runs_out_and_is_not_renewed(
        self, api: Api, learner: User, other_learner: User, manager_of: User, admin: User
    ) -> None:
        await card(api, learner, manager_of, -30)
        soon = await card(api, learner, manager_of, 40)
        lapsed = await card(api, learner, manager_of, -1, "bls")
        await card(api, learner, manager_of, 400, "dea")
        await card(api, learner, None, 10, "pals")
        theirs = await card(api, other_learner, admin, 60)

        async def listed(user: User, query: str = "") -> list[tuple[str, str]]:
            items = (await api.get(f"/credentials{query}", user)).json()["items"]
            return [(item["id"], item["status"]) for item in items]

        own = [(lapsed, "expired"), (soon, "current")]
        assert await listed(learner) == own
        assert await listed(manager_of) == own
        assert await listed(admin) == [*own, (theirs, "current")]
        assert await listed(admin, f"?expires_by={in_days(39)}") == own[:1]
        page = (await api.get("/credentials?limit=1", admin)).json()
        following = await api.get(f"/credentials?limit=1&cursor={page['next_cursor']}", admin)
        assert [page["items"][0]["id"], following.json()["items"][0]["id"]] == [lapsed, soon]

    async def test_lists_what_the_register_calls_current(
        self, api: Api, learner: User, manager_of: User
    ) -> None:
        """A card that was entered twice, and one that a card without an expiry renews."""
        for expires_in, kind in ((30, "rdh"), (30, "rdh"), (20, "radiography")):
            await card(api, learner, manager_of, expires_in, kind)
        await card(api, learner, manager_of, None, "radiography")
        register = (await api.get(f"/users/{learner.id}/credentials", learner)).json()["items"]
        (stands,) = (
            each["id"]
            for each in register
            if each["status"] == "current" and each["printed_expiry"] is not None
        )
        listed = (await api.get("/credentials", learner)).json()["items"]
        assert [each["id"] for each in listed] == [stands]

    async def test_says_what_each_renews_as_the_register_does(
        self, api: Api, learner: User, other_learner: User, admin: User
    ) -> None:
        before = {}
        for person in (learner, other_learner):
            before[str(person.id)] = await card(api, person, admin, -30)
            await card(api, person, admin, 40)
        listed = (await api.get("/credentials", admin)).json()["items"]
        assert {each["user_id"]: each["renews_id"] for each in listed} == before
        for person in (learner, other_learner):
            register = (await api.get(f"/users/{person.id}/credentials", admin)).json()["items"]
            assert [each for each in register if each["renews_id"]] == [
                each for each in listed if each["user_id"] == str(person.id)
            ]


class TestKinds:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/credential-kinds"))

    async def test_says_what_expires(self, api: Api, learner: User) -> None:
        kinds = {
            kind["code"]: kind
            for kind in (await api.get("/credential-kinds", learner)).json()["items"]
        }
        assert kinds["bls"]["expires"]
        assert "CPR" in kinds["bls"]["aliases"]
        assert not kinds["radiography"]["expires"]
