"""A frontend in TypeScript makes the main journey, with nothing but the types of the document."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from app.main import openapi_document
from tests.cli.processes import PASSWORD, DevStack, dev_stack
from tests.clients.node import CLIENTS, installed_node, run_script, run_tool
from tests.clients.sample.browser import report_of

pytestmark = pytest.mark.full

HERE = Path(__file__).parent
SEEN = {
    "published": 1,
    "passed": True,
    "score": 100,
    "attended": True,
    "status": "completed",
    "certificate": True,
    "people": True,
    "team": "sorted",
    "seen": 100,
    "rule": 2,
    "invited": True,
    "refused": "module_not_found",
}
STRICT = {
    "strict": True,
    "noUncheckedIndexedAccess": True,
    "exactOptionalPropertyTypes": True,
    "skipLibCheck": True,  # types of supabase-js name those of Node
    "noEmit": True,
    "target": "ES2022",
    "module": "ESNext",
    "moduleResolution": "bundler",
    "lib": ["ES2022", "DOM", "DOM.Iterable"],
    "types": [],
}


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[DevStack]:
    """One for each journey: in both, the same person attends a class at the same time."""
    async with dev_stack(tmp_path / "data") as stack:
        yield stack


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with the types of the current document, checked and put together."""
    installed_node()
    folder = tmp_path_factory.mktemp("sample")
    for name in ("journey.ts", "node.mjs", "page.html"):
        shutil.copy(HERE / name, folder)
    (folder / "openapi.json").write_bytes(openapi_document())
    (folder / "tsconfig.json").write_text(json.dumps({"compilerOptions": STRICT}))
    (folder / "node_modules").symlink_to(CLIENTS / "node_modules")
    # A field with a default may be left out of what is sent.
    options = ("--default-non-nullable", "false")
    generate = ("openapi-typescript", "openapi.json", "--output", "schema.ts")
    assert run_tool(*generate, *options, cwd=folder).code == 0
    checked = run_tool("tsc", "--project", ".", cwd=folder)
    assert (checked.code, checked.output) == (0, "")
    bundled = run_tool(
        "esbuild", "journey.ts", "--bundle", "--format=esm", "--outfile=journey.js", cwd=folder
    )
    assert bundled.code == 0, bundled.output
    return folder


def assert_seen(steps: list[dict[str, Any]]) -> None:
    seen = {each["step"]: each["seen"] for each in steps}
    table = seen.pop("table")
    assert re.fullmatch(r'attachment; filename="compliance-[0-9-]+\.csv"', table)
    assert seen == SEEN


async def test_with_node(stack: DevStack, sample: Path) -> None:
    environment = {"ORIGIN": stack.origin, "PASSWORD": PASSWORD}
    options = ("--experimental-websocket",)  # newer versions need no option
    assert_seen(await run_script(installed_node(), sample / "node.mjs", environment, *options))


async def test_in_a_browser(stack: DevStack, sample: Path, tmp_path: Path) -> None:
    query = urlencode({"origin": stack.origin, "password": PASSWORD})
    report = await asyncio.to_thread(report_of, f"page.html?{query}", sample, tmp_path)
    assert report["failure"] is None, report
    assert_seen(report["steps"])


def test_has_no_cast() -> None:
    """`as const` says less than a cast: it only keeps a literal's type."""
    code = re.sub(r"//.*|^import .*", "", (HERE / "journey.ts").read_text(), flags=re.MULTILINE)
    assert re.findall(r"\bas (?!const\b)\w+|\bany\b|@ts-|<\w+>\w+\(|!\.|!\)", code) == []
