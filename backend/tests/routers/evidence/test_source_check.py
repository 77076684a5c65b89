"""Cards are looked up at their source by somebody else, and that is kept."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.actor import Role
from app.models import User
from tests.factories.module import make_module
from tests.factories.user import make_user
from tests.routers.evidence.test_credential import card, in_days
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api

REASON = {"reason": "Not in the register"}


def check(**fields: Any) -> dict[str, Any]:
    return {
        "source": "Dental Hygiene Board of California, license search",
        "reference": "https://search.dca.ca.gov",
        "checked_on": in_days(-1),
        "result": "confirmed",
        "next_check_on": in_days(30),
        "note": "Clear",
        **fields,
    }


@pytest.fixture
async def manager_of(session: AsyncSession, learner: User) -> User:
    manager = await make_user(session, role=Role.MANAGER)
    learner.manager_id = manager.id
    session.add(learner)
    await session.commit()
    return manager


class TestRecord:
    async def test_anonymous(self, api: Api, learner: User) -> None:
        evidence_id = await card(api, learner, None, 40)
        response = await api.post(f"/credentials/{evidence_id}/source-checks", json=check())
        assert_anonymous(response)

    @pytest.mark.full
    async def test_only_of_people_whom_one_manages(
        self, api: Api, learner: User, manager: User, manager_of: User
    ) -> None:
        path = f"/credentials/{await card(api, learner, None, 40)}/source-checks"
        assert_problem(await api.post(path, learner, json=check()), 403, "forbidden")
        assert_problem(await api.post(path, manager, json=check()), 404, "credential_not_found")
        made = await api.post(path, manager_of, json=check())
        assert made.status_code == 201
        assert made.headers["Location"].endswith(f"/users/{learner.id}/credentials")

    async def test_never_ones_own(self, api: Api, manager: User) -> None:
        path = f"/credentials/{await card(api, manager, None, 40)}/source-checks"
        assert_problem(await api.post(path, manager, json=check()), 403, "own_credential")

    async def test_shows_in_the_register_and_changes_nothing_else(
        self, api: Api, learner: User, manager_of: User
    ) -> None:
        evidence_id = await card(api, learner, manager_of, 40)
        path = f"/credentials/{evidence_id}/source-checks"
        for days, result in ((-9, "confirmed"), (-2, "restricted"), (-5, "expired")):
            body = check(checked_on=in_days(days), result=result)
            assert (await api.post(path, manager_of, json=body)).is_success
        [item] = (await api.get(f"/users/{learner.id}/credentials", learner)).json()["items"]
        assert item["status"] == "current"
        results = [each["result"] for each in item["source_checks"]]
        assert results == ["restricted", "expired", "confirmed"]
        assert {each["checked_by_id"] for each in item["source_checks"]} == {str(manager_of.id)}
        [listed] = (await api.get("/credentials", learner)).json()["items"]
        assert listed == item

    async def test_not_of_what_was_rejected_or_withdrawn(
        self, api: Api, learner: User, manager_of: User
    ) -> None:
        withdrawn = await card(api, learner, manager_of, 40)
        rejected = await card(api, learner, None, 40)
        for evidence_id, verb in ((withdrawn, "withdraw"), (rejected, "reject")):
            path = f"/external-trainings/{evidence_id}/{verb}"
            assert (await api.post(path, manager_of, json=REASON)).is_success
            path = f"/credentials/{evidence_id}/source-checks"
            assert_problem(await api.post(path, manager_of, json=check()), 409, "not_standing")

    async def test_what_cannot_be(self, api: Api, learner: User, manager_of: User) -> None:
        path = f"/credentials/{await card(api, learner, None, 40)}/source-checks"
        fields = {"checked_on": in_days(3), "next_check_on": in_days(2)}
        response = await api.post(path, manager_of, json=check(**fields))
        found = [(error["pointer"], error["code"]) for error in response.json()["errors"]]
        assert (response.status_code, found) == (
            422,
            [("/checked_on", "in_the_future"), ("/next_check_on", "before_check")],
        )

    async def test_a_training_is_no_card(
        self, api: Api, learner: User, manager_of: User, session: AsyncSession
    ) -> None:
        module = await make_module(session)
        body = {
            "provider": "Elsewhere",
            "title": "Course",
            "module_id": str(module.id),
            "completed_on": in_days(-9),
            "hours": 1,
        }
        entered = await api.post("/external-trainings", learner, json=body)
        path = f"/credentials/{entered.json()['id']}/source-checks"
        assert_problem(await api.post(path, manager_of, json=check()), 404, "credential_not_found")
        numbered = body | {"credential_number": "1", "issuing_state": "US-CA"}
        refused = await api.post("/external-trainings", learner, json=numbered)
        assert {error["pointer"] for error in refused.json()["errors"]} == {
            "/credential_number",
            "/issuing_state",
        }


class TestDue:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/source-checks"))

    async def test_the_last_check_of_each_card_decides(
        self, api: Api, learner: User, other_learner: User, manager_of: User, admin: User
    ) -> None:
        mine = await card(api, learner, manager_of, 40)
        theirs = await card(api, other_learner, admin, 40)
        for evidence_id, made_on, again in (
            (mine, -60, -20),
            (mine, -9, 10),
            (theirs, -60, -3),
        ):
            body = check(checked_on=in_days(made_on), next_check_on=in_days(again))
            path = f"/credentials/{evidence_id}/source-checks"
            assert (await api.post(path, admin, json=body)).is_success

        async def due(user: User, query: str = "") -> list[str]:
            items = (await api.get(f"/source-checks{query}", user)).json()["items"]
            return [item["evidence_id"] for item in items]

        assert await due(admin) == [theirs]
        assert await due(admin, f"?due_by={in_days(10)}") == [theirs, mine]
        assert await due(manager_of, f"?due_by={in_days(10)}") == [mine]
        assert await due(learner, f"?due_by={in_days(9)}") == []
        assert await due(other_learner) == [theirs]
        path = f"/external-trainings/{theirs}/withdraw"
        assert (await api.post(path, admin, json=REASON)).is_success
        assert await due(admin) == []


async def test_licences_keep_number_and_state(api: Api, learner: User, admin: User) -> None:
    body: dict[str, Any] = {
        "provider": "Dental Hygiene Board of California",
        "title": "Licence",
        "credential_kind": "Rdh",
        "credential_number": "RDH 12345",
        "issuing_state": "us-ca",
        "completed_on": in_days(-700),
        "printed_expiry": in_days(30),
        "hours": 0,
    }
    entered = await api.post("/external-trainings", learner, json=body)
    assert (entered.json()["issuing_state"], entered.json()["credential_kind"]) == ("US-CA", "rdh")
    refused = await api.post("/external-trainings", learner, json=body | {"issuing_state": "US-XX"})
    assert refused.json()["errors"][0]["code"] == "unknown_state"
    texas = body | {"issuing_state": "US-TX", "printed_expiry": in_days(60)}
    other = await api.post("/external-trainings", learner, json=texas)
    for each in (entered, other):
        path = f"/external-trainings/{each.json()['id']}/verify"
        assert (await api.post(path, admin, json=REASON)).is_success
    listed = (await api.get("/credentials", learner)).json()["items"]
    assert [(item["number"], item["issuing_state"], item["status"]) for item in listed] == [
        ("RDH 12345", "US-CA", "current"),
        ("RDH 12345", "US-TX", "current"),
    ]
