"""The real supabase-js against `training dev`: the sign-in, the API and the end of both."""

import pytest

from app.core.auth.security import LEEWAY_SECONDS
from tests.cli.processes import PASSWORD, DevStack
from tests.clients.conftest import ACCESS_TOKEN_SECONDS
from tests.clients.node import run_script

pytestmark = pytest.mark.full

EMAIL = "learner@unified.example"


async def test_journey(stack: DevStack, node: str) -> None:
    environment = {
        "ORIGIN": stack.origin,
        "EMAIL": EMAIL,
        "PASSWORD": PASSWORD,
        "LEEWAY_SECONDS": str(LEEWAY_SECONDS),
    }
    steps = {step["step"]: step for step in await run_script(node, "journey.mjs", environment)}
    assert steps["sign_in"]["expires_in"] == ACCESS_TOKEN_SECONDS
    assert (steps["me"]["status"], steps["me"]["body"]["email"]) == (200, EMAIL)
    assert steps["me"]["body"]["supabase_id"] == steps["sign_in"]["user_id"]
    assert steps["refresh"]["rotated"] is True
    assert steps["me_after_refresh"]["status"] == 200
    assert steps["me_after_refresh"]["body"]["id"] == steps["me"]["body"]["id"]
    assert steps["sign_out"]["error"] is None
    assert steps["refresh_after_sign_out"]["error"] == "refresh_token_not_found"
    refused = steps["me_after_expiry"]
    assert (refused["status"], refused["body"]["code"]) == (401, "invalid_token")
