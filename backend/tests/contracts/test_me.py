"""`/users/me/...` is what `/users/{id}/...` is of oneself."""

from typing import Any

from app.models import User
from tests.support import Api

OF_PERSONS = "/api/v1/users/{user_id}/"
MORE: dict[str, dict[str, str]] = {
    "ce-credits": {"profile": "california_rdh", "cycle_end": "2027-06-30"}
}


def test_every_address_below_a_person_says_that_it_takes_me(described: dict[str, Any]) -> None:
    told = {
        path: [{"format": "uuid", "type": "string"}, {"const": "me"}]
        for path in described["paths"]
        if path.startswith(OF_PERSONS)
    }
    found = {
        path: parameter["schema"]["anyOf"]
        for path in told
        for operation in described["paths"][path].values()
        for parameter in operation["parameters"]
        if parameter["name"] == "user_id"
    }
    assert found == told
    assert len(told) > 10


async def test_me_is_the_caller(
    api: Api, described: dict[str, Any], learner: User, admin: User
) -> None:
    for path, operations in described["paths"].items():
        if not path.startswith(OF_PERSONS) or "get" not in operations:
            continue
        below = path.removeprefix(OF_PERSONS)
        query = MORE.get(below, {})
        for user in (learner, admin):
            by_id = await api.get(f"/users/{user.id}/{below}", user, params=query)
            as_me = await api.get(f"/users/me/{below}", user, params=query)
            assert as_me.status_code == by_id.status_code
            assert as_me.is_error or as_me.json() == by_id.json()
