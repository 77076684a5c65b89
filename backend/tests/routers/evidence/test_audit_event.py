from datetime import UTC, datetime, timedelta

import pytest

from app.models import User
from tests.routers.problems import assert_anonymous, assert_problem, pointers
from tests.support import Api

FIELDS = {
    "id",
    "created_at",
    "actor_id",
    "actor_label",
    "action",
    "target_type",
    "target_id",
    "target_label",
    "before",
    "after",
    "request_id",
}


@pytest.fixture
async def module_id(api: Api, author: User) -> str:
    """The id of a module that an author has made."""
    headers = {"X-Request-Id": "request-1"}
    response = await api.post("/modules", author, json={"title": "Sharps"}, headers=headers)
    return str(response.json()["id"])


class TestListAuditEvents:
    async def test_anonymous(self, api: Api) -> None:
        assert_anonymous(await api.get("/audit-events"))

    async def test_only_admins(self, api: Api, learner: User, manager: User, author: User) -> None:
        for user in (learner, manager, author):
            assert_problem(await api.get("/audit-events", user), 403, "forbidden")

    async def test_exact_fields(self, api: Api, admin: User, author: User, module_id: str) -> None:
        (event,) = (await api.get("/audit-events", admin)).json()["items"]
        assert event.keys() == FIELDS
        assert (event["action"], event["target_type"]) == ("module:created", "module")
        assert (event["target_id"], event["actor_id"]) == (module_id, str(author.id))
        assert (event["target_label"], event["actor_label"]) == ("Sharps", author.full_name)
        assert event["after"]["title"] == "Sharps"
        assert event["request_id"] == "request-1"

    async def test_filters(self, api: Api, admin: User, author: User, module_id: str) -> None:
        now = datetime.now(UTC)
        before, after = now - timedelta(hours=1), now + timedelta(hours=1)
        for query, count in (
            ({"actor_id": str(author.id)}, 1),
            ({"actor_id": str(admin.id)}, 0),
            ({"actor": str(author.id)}, 1),
            ({"actor": str(admin.id)}, 0),
            ({"target": module_id}, 1),
            ({"target": str(admin.id)}, 0),
            ({"target_type": "module", "target_id": module_id}, 1),
            ({"target_type": "user"}, 0),
            ({"action": "module:created"}, 1),
            ({"action": "module:deleted"}, 0),
            ({"since": before.isoformat(), "until": after.isoformat()}, 1),
            ({"since": after.isoformat()}, 0),
            ({"until": before.isoformat().replace("+00:00", "Z")}, 0),
        ):
            items = (await api.get("/audit-events", admin, params=query)).json()["items"]
            assert len(items) == count, query

    @pytest.mark.parametrize(
        "since",
        [
            "2027-01-01T00:00:00",
            "2027-01-01",
            "0",
            "1700000000",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "2027-01-01T25:00:00Z",
            "yesterday",
            "\x00",
        ],
    )
    async def test_only_exact_instants(self, api: Api, admin: User, since: str) -> None:
        response = await api.get("/audit-events", admin, params={"since": since})
        assert [pointer for pointer, _ in pointers(response)] == ["query:since"]

    async def test_nobody_writes_it(self, api: Api, admin: User) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            response = await api.request(method, "/audit-events", admin, json={})
            assert_problem(response, 405, "method_not_allowed")
