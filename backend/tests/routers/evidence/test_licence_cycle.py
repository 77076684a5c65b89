"""Where somebody stands in the cycle of their licence."""

from datetime import date
from typing import Any

from app.models import User
from tests.routers.problems import assert_anonymous, assert_problem
from tests.support import Api

REASON = {"reason": "Seen"}
LICENCE: dict[str, Any] = {
    "provider": "Dental Hygiene Board of California",
    "title": "Licence",
    "credential_kind": "Dental hygienist",
    "issuing_state": "US-CA",
    "completed_on": "2024-05-01",
    "printed_expiry": "2026-04-30",
    "hours": 0,
}
COURSE: dict[str, Any] = {
    "provider": "Elsewhere",
    "title": "Course",
    "credential_kind": "infection_control_ca",
    "hours": 2,
    "provider_number": "RP 1234",
    "ce_category": "infection_control_ca",
    "ce_delivery": "live",
}


async def entered(api: Api, user: User, verifier: User, body: dict[str, Any]) -> str:
    made = await api.post("/external-trainings", user, json=body)
    assert made.status_code == 201, made.text
    evidence_id = str(made.json()["id"])
    path = f"/external-trainings/{evidence_id}/verify"
    assert (await api.post(path, verifier, json=REASON)).is_success
    return evidence_id


async def test_anonymous(api: Api, learner: User) -> None:
    assert_anonymous(await api.get(f"/users/{learner.id}/licence-cycles"))


async def test_does_not_see_others(api: Api, learner: User, other_learner: User) -> None:
    response = await api.get(f"/users/{learner.id}/licence-cycles", other_learner)
    assert_problem(response, 404, "user_not_found")


async def test_by_the_persons_own_expiries(api: Api, learner: User, admin: User) -> None:
    await entered(api, learner, admin, LICENCE)
    renewed = LICENCE | {"completed_on": "2026-04-20", "printed_expiry": "2028-03-31"}
    now = await entered(api, learner, admin, renewed)
    other = await entered(api, learner, admin, LICENCE | {"issuing_state": None})
    texas = LICENCE | {"issuing_state": "US-TX", "printed_expiry": "2027-01-31"}
    in_texas = await entered(api, learner, admin, texas)
    for day in ("2026-04-30", "2026-05-01", "2026-11-02"):
        await entered(api, learner, admin, COURSE | {"completed_on": day})
    path = f"/users/{learner.id}/licence-cycles"
    body = (await api.get(f"{path}?as_of=2026-11-27", learner)).json()
    items = {item["credential_id"]: item for item in body["items"]}
    assert items.keys() == {now, in_texas}
    assert other not in items
    item = items[now]
    assert (item["cycle_start"], item["cycle_end"]) == ("2026-05-01", "2028-03-31")
    assert (item["profile"], item["counted"], item["missing_hours"]) == ("california_rdh", 4, 21)
    assert item["by_category"] == [{"category": "infection_control_ca", "hours": 4}]
    assert {each["name"] for each in item["shortfalls"]} == {"total", "dental_practice_act_ca"}
    assert all(each["notice"].startswith("to be verified") for each in item["figures"])
    assert items[in_texas]["profile"] == "texas_rdh"
    assert len(body["without_profile"]) == 1
    before = (await api.get(f"{path}?as_of=2026-05-31", learner)).json()
    assert {it["credential_id"]: it["counted"] for it in before["items"]}[now] == 2
    assert date.fromisoformat(item["as_of"]) == date(2026, 11, 27)
