"""The real clients subscribe to `postgres_changes` of `training dev`."""

import asyncio
from typing import Any

import httpx
import pytest
from realtime import RealtimePostgresChangesListenEvent
from supabase import AsyncClientOptions, acreate_client

from tests.cli.processes import PASSWORD, DevStack
from tests.clients.node import run_script

pytestmark = pytest.mark.full

KEY = "sb_publishable_development"
LEARNER = "learner@unified.example"
OTHER = "learner2@unified.example"


async def test_supabase_js_hears_of_its_own_rows_alone(stack: DevStack, node: str) -> None:
    environment = {
        "ORIGIN": stack.origin,
        "EMAIL": LEARNER,
        "OTHER_EMAIL": OTHER,
        "PASSWORD": PASSWORD,
        "SLUG": "medical-emergencies",
    }
    steps = {step["step"]: step for step in await run_script(node, "realtime.mjs", environment)}
    assert steps["states"]["states"] == [
        {"name": name, "state": "SUBSCRIBED", "error": None}
        for name in ("mine", "withdrawn", "nothing")
    ]
    enrollment, events = steps["events"]["id"], steps["events"]["events"]
    assert {one["row"]["id"] for one in events} == {enrollment}
    assert sorted((one["name"], one["type"]) for one in events) == [
        ("mine", "INSERT"),
        ("mine", "UPDATE"),
        ("withdrawn", "UPDATE"),
    ]
    assert steps["system"]["systems"] == [
        {"status": "error", "message": "public.quiz_questions is not published"}
    ]
    assert steps["end"]["connected"] is True


async def test_supabase_py_hears_of_its_own_rows(stack: DevStack) -> None:
    heard: asyncio.Queue[Any] = asyncio.Queue()
    async with httpx.AsyncClient() as http:
        options = AsyncClientOptions(
            auto_refresh_token=False, persist_session=False, httpx_client=http
        )
        supabase = await acreate_client(stack.origin, KEY, options)
        await supabase.auth.sign_in_with_password({"email": OTHER, "password": PASSWORD})
        session = await supabase.auth.get_session()
        assert session
        await supabase.realtime.set_auth(session.access_token)
        channel = supabase.channel("mine").on_postgres_changes(
            RealtimePostgresChangesListenEvent.Insert,
            heard.put_nowait,
            table="enrollments",
            schema="public",
        )
        ready = asyncio.Event()
        await channel.subscribe(lambda _state, _error: ready.set())
        await asyncio.wait_for(ready.wait(), 30)
        with stack.client(session.access_token) as api:
            found = api.get("/modules", params={"q": "front desk"}).json()["items"]
            enrolled = api.post("/enrollments", json={"module_id": found[0]["id"]}).json()
        event = await asyncio.wait_for(heard.get(), 30)
        assert event["data"]["record"]["id"] == enrolled["id"]
        await supabase.remove_all_channels()
