"""The suite for real branches, run against the development stack's stand-in."""

import asyncio
import os
import re
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.core.postgres.table_security import API_ROLE
from devstack.options import DATABASE, SECRET_KEY

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]
TRAINING = Path(sys.executable).with_name("training")
LIMIT = 240  # seconds; a test must not hang when a process dies early


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[dict[str, str]]:
    """What `python -m branching env` gives for a branch, of a running `training dev`."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        TRAINING,
        "dev",
        "--no-seed",
        "--port",
        str(port),
        "--data-dir",
        str(tmp_path / "stack"),
        cwd=ROOT,
        stdout=PIPE,
        stderr=STDOUT,
    )
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT):
        output = await process.stdout.readuntil(b"Ctrl-C")
    database = re.search(rb"postgresql://\S+", output)
    assert database is not None, output.decode()
    server = re.sub(r"//[^@]*@", f"//{API_ROLE}@", database[0].decode())
    yield {
        "TEST_DATABASE_URL": re.sub(r"/[^/]*$", f"/{DATABASE}", server),
        "TEST_SUPABASE_URL": f"http://127.0.0.1:{port}",
        "TEST_SUPABASE_SECRET_KEY": SECRET_KEY,
        "TEST_SUPABASE_PUBLISHABLE_KEY": "sb_publishable_stand_in",
    }
    process.terminate()
    async with asyncio.timeout(LIMIT):
        await process.wait()


async def test_passes_against_the_stand_in(stack: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "0",
        "-m",
        "branch",
        "backend/tests/branching/integration",
        cwd=ROOT,
        env={**os.environ, **stack},
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(LIMIT):
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    assert re.search(rb"\d+ passed", output)
    assert b"skipped" not in output
