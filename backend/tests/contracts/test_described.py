"""Every answer that a test gets is compared with the document; here, that the comparison bites."""

import httpx
import pytest

from app.models import User
from tests.conftest import described
from tests.support import ORIGIN, Api

PROBLEM = {
    "type": "urn:problem:enrollment_closed",
    "title": "Closed",
    "status": 409,
    "detail": "Closed",
    "code": "enrollment_closed",
    "request_id": "request-1",
}


def answer(status: int, body: dict[str, object], method: str = "POST") -> httpx.Response:
    request = httpx.Request(method, f"{ORIGIN}/api/v1/enrollments")
    headers = {"Content-Type": "application/problem+json", "X-Request-Id": "request-1"}
    return httpx.Response(status, json=body, headers=headers, request=request)


class TestComparison:
    async def test_what_is_announced_passes(self) -> None:
        taken = PROBLEM | {"code": "email_in_use", "type": "urn:problem:email_in_use"}
        await described().check(answer(409, taken))

    @pytest.mark.parametrize(
        "found",
        [
            answer(409, PROBLEM),
            answer(409, PROBLEM | {"code": "prerequisite_missing"}),
            answer(418, PROBLEM),
            answer(409, PROBLEM | {"code": "email_in_use", "secret": 1}),
        ],
        ids=["code", "member missing", "status", "member unannounced"],
    )
    async def test_what_is_not_announced_is_seen(self, found: httpx.Response) -> None:
        with pytest.raises(AssertionError):
            await described().check(found)

    async def test_the_client_of_tests_compares(
        self, api: Api, learner: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(described(), "_paths", [])
        await api.get("/users/me", learner)
        monkeypatch.undo()
        monkeypatch.setattr(described(), "_announced", lambda _: {"responses": {}})
        with pytest.raises(AssertionError, match="200 is not announced"):
            await api.get("/users/me", learner)
