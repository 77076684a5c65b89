"""No personal data and no token in the logs; one event is one JSON line."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.core.logging import configure_logging, name_error
from app.models import User
from tests.support import Api

CANARY = "canary-7f3a"


@pytest.fixture
def events() -> Iterator[list[str]]:
    """Collect what is logged, with its context, as text."""
    lines: list[str] = []

    def keep(_logger: object, _name: str, event: structlog.typing.EventDict) -> str:
        lines.append(json.dumps(event, default=str))
        raise structlog.DropEvent

    configured = structlog.get_config()
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, name_error, keep],
        cache_logger_on_first_use=False,
    )
    yield lines
    structlog.configure(**configured)


class TestPrivacy:
    async def test_canaries_stay_out(self, api: Api, learner: User, events: list[str]) -> None:
        """In bodies, headers, queries, paths and tokens, well-formed or not."""
        headers = {
            "Idempotency-Key": CANARY,
            "X-Request-Id": f"{CANARY}\tspaced",
            "User-Agent": CANARY,
            "Cookie": f"session={CANARY}",
        }
        for body in ({"module_id": CANARY}, {"module_id": 1, CANARY: CANARY}):
            await api.post("/enrollments", learner, json=body, headers=headers)
        await api.post("/enrollments", learner, content=f"{{{CANARY}", headers=headers)
        await api.get(f"/users?q={CANARY}&{CANARY}=1&limit={CANARY}", learner, headers=headers)
        await api.get(f"/users/{CANARY}", learner)
        await api.get(f"/{CANARY}", learner)
        await api.get("/users/me", headers={"Authorization": f"Bearer {CANARY}.{CANARY}.x"})
        await api.patch("/users/me", learner, json={"full_name": CANARY}, headers={"If-Match": "*"})
        assert len(events) >= 8  # each request is logged
        assert not [line for line in events if CANARY in line]
        assert not [line for line in events if str(learner.email) in line]

    async def test_tokens_stay_out(self, api: Api, learner: User, events: list[str]) -> None:
        bearer = api.bearer(learner)
        await api.get("/users/me", headers=bearer)
        await api.get("/users", headers=bearer)
        secret = bearer["Authorization"].removeprefix("Bearer ")
        assert events
        assert not [line for line in events if any(part in line for part in secret.split("."))]

    async def test_crashes_are_named_without_their_message(
        self, api: Api, learner: User, events: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(*_: object) -> None:
            raise LookupError(CANARY)

        monkeypatch.setattr("app.services.people.user.UserService.me", crash)
        await api.get("/users/me", learner)
        (event,) = [json.loads(line) for line in events if "unhandled_error" in line]
        assert event["kind"] == "LookupError"
        assert event["request_id"]
        assert not [line for line in events if CANARY in line]

    async def test_would_be_seen(self, events: list[str]) -> None:
        structlog.get_logger().info("event", detail=CANARY)
        assert [line for line in events if CANARY in line]


class TestLines:
    def test_line_breaks_do_not_forge_events(self, monkeypatch: pytest.MonkeyPatch) -> None:
        stream = io.StringIO()
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(logging.getLogger(), "handlers", [])
        configured = structlog.get_config()
        configure_logging("INFO")
        structlog.get_logger().info("a\r\n{}", value='b\n{"event": "forged"}')
        structlog.configure(**configured)
        (line,) = stream.getvalue().splitlines()
        assert json.loads(line)["event"] == "a\r\n{}"
