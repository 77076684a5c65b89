"""The real supabase-js enrolls a second factor: the sample of docs/api.md, from aal1 to aal2."""

import re
from pathlib import Path

import pytest

from tests.cli.processes import PASSWORD, DevStack
from tests.clients.node import run_script

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]


def sample() -> str:
    blocks = re.findall(r"```js\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "mfa_required" in block]
    return str(block)


async def test_from_one_factor_to_two_and_back(stack: DevStack, node: str) -> None:
    environment = {
        "ORIGIN": stack.origin,
        "EMAIL": "admin@unified.example",
        "PASSWORD": PASSWORD,
        "SAMPLE": sample(),
    }
    steps = {step.pop("step"): step for step in await run_script(node, "mfa.mjs", environment)}
    levels = {
        name: (step["currentLevel"], step["nextLevel"])
        for name, step in steps.items()
        if "currentLevel" in step
    }
    assert levels == {
        "signed_in": ("aal1", "aal1"),
        "verified": ("aal2", "aal2"),
        "refreshed": ("aal2", "aal2"),
        "again": ("aal1", "aal2"),
        "raised": ("aal2", "aal2"),
        "unenrolled": ("aal1", "aal1"),
    }
    assert steps["asked"] == {"picture": None}
    assert steps["enrolled"] == {"picture": True}
    assert steps["wrong"] == {"code": "mfa_verification_failed"}
    assert steps["me"] == {"status": 200}
