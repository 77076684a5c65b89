"""The real Supabase CLI against the same stand-in, which it must not be able to tell apart."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import tomllib
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from branching.branch import BranchService
from tests.branching.conftest import Serve
from tests.branching.management_api import PARENT, READY, STARTING, TOKEN, Fault, MockManagementApi
from tests.clients.node import alone_in

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]
PACKAGE = Path(__file__).with_name("supabase_cli")
REMOTE = f"--remote={PARENT}"
NAME = "ci-7-1"
LIMIT = 60

Cli = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture(scope="session")
def executable() -> Path:
    npm = shutil.which("npm")
    assert npm, "these tests need Node 20 or later"
    wanted = json.loads((PACKAGE / "package.json").read_text())["dependencies"]["supabase"]
    installed = PACKAGE / "node_modules" / "supabase" / "package.json"
    with alone_in(PACKAGE):
        if not installed.exists() or json.loads(installed.read_text())["version"] != wanted:
            # Without a lock file: it would have to name the binaries of all platforms.
            command = [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=PACKAGE, check=True)  # noqa: S603  # a constant command
    return PACKAGE / "node_modules" / ".bin" / "supabase"


def _application(supabase: MockManagementApi) -> ASGIApp:
    """The mock, and a project whose configuration says nothing."""
    branches = supabase.app()
    branches.router.routes += [
        Route(f"/v1/projects/{PARENT}", _nothing),
        Route(f"/v2/projects/{PARENT}/config", _nothing),
    ]
    return branches


async def _nothing(_request: Request) -> Response:
    return JSONResponse({})


@pytest.fixture
async def cli(
    executable: Path, supabase: MockManagementApi, serve: Serve, tmp_path: Path
) -> AsyncIterator[Cli]:
    """Run the CLI with a profile whose API is the mock; it must reach nothing else."""
    profile = tmp_path / "profile.json"

    async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            executable,
            "--profile",
            profile,
            *arguments,
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path),
                "SUPABASE_ACCESS_TOKEN": TOKEN,
                "DO_NOT_TRACK": "1",
                **environment,
            },
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=PIPE,
        )
        async with asyncio.timeout(LIMIT):
            output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    async with serve(_application(supabase)) as origin:
        profile.write_text(
            json.dumps(
                {
                    "name": "stand-in",
                    "api_url": origin,
                    "dashboard_url": origin,
                    "project_host": "supabase.co",
                    "pooler_host": "supabase.com",
                }
            )
        )
        yield run


async def test_create_list_and_delete(cli: Cli, supabase: MockManagementApi) -> None:
    supabase.next_states = [STARTING, READY]
    code, _, errors = await cli("branches", "create", NAME, REMOTE, "-o", "json", "--yes")
    assert code == 0, errors
    assert supabase.names == ["main", NAME]
    code, output, errors = await cli("branches", "list", REMOTE, "-o", "json")
    assert code == 0, errors
    listed = {branch["name"]: branch["preview_project_status"] for branch in json.loads(output)}
    assert listed == {"main": "ACTIVE_HEALTHY", NAME: "ACTIVE_HEALTHY"}
    code, _, errors = await cli("branches", "delete", NAME, REMOTE, "--yes")
    assert code == 0, errors
    assert supabase.names == ["main"]


async def test_a_missing_branch_is_its_error_and_not_ours(
    cli: Cli, branches: BranchService
) -> None:
    assert (await cli("branches", "delete", NAME, REMOTE, "--yes"))[0] == 1
    assert not await branches.delete(NAME)


async def test_reads_the_same_environment(
    cli: Cli, supabase: MockManagementApi, branches: BranchService
) -> None:
    supabase.add(NAME)
    code, output, errors = await cli("branches", "get", NAME, REMOTE, "-o", "env")
    assert code == 0, errors
    theirs = {
        name: value.strip('"')
        for name, value in (line.split("=", 1) for line in output.splitlines())
    }
    ours = (await branches.environment(NAME)).variables
    pooled = make_url(theirs["POSTGRES_URL"]).set(port=5432, query={})
    assert make_url(ours["MIGRATION_DATABASE_URL"]) == pooled
    assert ours["SUPABASE_URL"] == theirs["SUPABASE_URL"]
    assert ours["SUPABASE_PUBLISHABLE_KEY"] == theirs["SUPABASE_PUBLISHABLE_KEY"]
    assert ours["SUPABASE_SECRET_KEY"] == theirs["SUPABASE_DEFAULT_KEY"]


@pytest.mark.parametrize("status", [401, 403, 500])
async def test_a_refusal_is_an_error_of_the_cli_too(
    cli: Cli, supabase: MockManagementApi, status: int
) -> None:
    supabase.faults.append(Fault("GET", "/branches$", status, 99))
    assert (await cli("branches", "list", REMOTE, "-o", "json"))[0] == 1


async def test_takes_up_what_the_cli_made(
    cli: Cli, supabase: MockManagementApi, branches: BranchService
) -> None:
    assert (await cli("branches", "create", NAME, REMOTE, "-o", "json", "--yes"))[0] == 0
    assert (await branches.create(NAME)).name == NAME
    assert (await branches.wait(NAME)).name == NAME
    assert await branches.delete(NAME)
    assert supabase.names == ["main"]


class TestConfiguration:
    """supabase/config.toml: the CLI drops keys that it does not know without a word."""

    # Settings of the local files alone, which the hosted project does not have.
    LOCAL = frozenset({"project_id", "db.migrations.enabled", "db.seed.enabled"})
    SITE = "https://training.example.com"

    @pytest.fixture
    def declared(self, tmp_path: Path) -> dict[str, Any]:
        shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
        text = (tmp_path / "supabase" / "config.toml").read_text()
        return dict(_leaves(tomllib.loads(text)))

    async def test_the_cli_understands_every_key(self, cli: Cli, declared: dict[str, Any]) -> None:
        code, output, errors = await cli("config", "diff", REMOTE, SITE_URL=self.SITE)
        assert code == 0, errors
        understood = set(re.findall(r"^(\S+) \[local-only\]", output, re.MULTILINE))
        # The provider as a whole has another name in the hosted project.
        understood.add("auth.email.enabled")
        # Buckets are made by `supabase seed buckets`, which `config` does not compare.
        elsewhere = re.compile(r"storage\.buckets\..*|.*\.content_path")
        hosted = {key for key in declared if not elsewhere.fullmatch(key)} - self.LOCAL
        assert hosted - understood == set()
        assert f'"{self.SITE}" (from env SITE_URL)' in output

    async def test_the_local_keys_are_the_ones_of_a_new_project(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        assert (await cli("init", "--force"))[0] == 0
        text = (tmp_path / "supabase" / "config.toml").read_text()
        assert self.LOCAL | {"auth.email.enabled"} <= dict(_leaves(tomllib.loads(text))).keys()

    async def test_the_cli_understands_the_hook_that_waits(self, cli: Cli, tmp_path: Path) -> None:
        path = tmp_path / "supabase" / "config.toml"
        shutil.copytree(ROOT / "supabase", tmp_path / "supabase")
        text, hook, lines = path.read_text().partition("# [auth.hook.before_user_created]")
        assert hook
        path.write_text(text + re.sub("^# ", "", hook + lines, flags=re.MULTILINE))
        uri = "https://api.training.example.com/api/v1/hooks/auth/before-user-created"
        environment = {
            "SITE_URL": self.SITE,
            "BEFORE_USER_CREATED_HOOK_URI": uri,
            "BEFORE_USER_CREATED_HOOK_SECRET": "v1,whsec_" + "a" * 44,
        }
        code, output, errors = await cli("config", "diff", REMOTE, **environment)
        assert code == 0, errors
        understood = set(re.findall(r"^(\S+) \[local-only\]", output, re.MULTILINE))
        prefix = "auth.hook.before_user_created."
        assert {f"{prefix}enabled", f"{prefix}uri"} <= understood
        assert uri in output
        # Secrets are named, and never compared or shown.
        assert f"{prefix}secrets" in output + errors
        assert "whsec_" not in output + errors

    def test_the_templates_are_there(self, declared: dict[str, Any]) -> None:
        named = {value for key, value in declared.items() if key.endswith(".content_path")}
        there = {f"./{path.relative_to(ROOT)}" for path in (ROOT / "supabase").rglob("*.html")}
        assert named == there

    def test_nobody_signs_up_or_in_unconfirmed(self, declared: dict[str, Any]) -> None:
        assert declared["auth.enable_signup"] is False
        assert declared["auth.email.enable_confirmations"] is True
        assert declared["db.migrations.enabled"] is False


def _leaves(table: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
