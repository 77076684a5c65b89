"""Runs the scripts of this folder with Node, which CI must have."""

import asyncio
import fcntl
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.programs import installed

CLIENTS = Path(__file__).parent
COMMANDS = CLIENTS / "node_modules" / ".bin"
# The tools of this folder reach no other machine.
_OFFLINE = {
    "DO_NOT_TRACK": "1",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "REDOCLY_TELEMETRY": "off",
}


def installed_node() -> str:
    """Return the path of Node, once the packages that the scripts import are there."""
    node, npm = (installed(name, needed_for="the real supabase-js") for name in ("node", "npm"))
    packages = CLIENTS / "node_modules" / ".package-lock.json"
    lock = CLIENTS / "package-lock.json"
    with alone_in(CLIENTS):
        if not packages.exists() or packages.stat().st_mtime < lock.stat().st_mtime:
            command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=CLIENTS, check=True)  # noqa: S603  # a constant command
    return node


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait for the turn, because two workers that install into one folder at once would ruin it."""
    with (folder / ".install.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    output: str


def run_tool(*command: str | Path, cwd: Path) -> Ran:
    """Run a command of `node_modules`, or one of an absolute path."""
    name, *arguments = command
    done = subprocess.run(  # noqa: S603  # commands of the tests
        [COMMANDS / name, *arguments],
        cwd=cwd,
        env=os.environ | _OFFLINE,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout + done.stderr * (done.returncode != 0))


async def run_script(
    node: str, script: str | Path, environment: dict[str, str], *options: str
) -> list[dict[str, Any]]:
    """Run a script and return the JSON objects that it prints."""
    process = await asyncio.create_subprocess_exec(
        node,
        *options,
        CLIENTS / script,
        env={"PATH": os.environ["PATH"], **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return [json.loads(line) for line in output.splitlines()]
