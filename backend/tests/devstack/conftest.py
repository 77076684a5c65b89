import asyncio
import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import uvicorn
from starlette.types import ASGIApp

from app.devstack.postgres import EmbeddedPostgres

CLIENTS = Path(__file__).parents[1] / "clients"

RunClient = Callable[..., Awaitable[list[dict[str, Any]]]]
Serve = Callable[[Callable[[str], ASGIApp]], AbstractAsyncContextManager[str]]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("devstack") / "postgres", fast=True) as server:
        yield server


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """DSN of an empty database."""
    name = f"devstack_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name)
    await admin.execute(f"DROP DATABASE {name}")
    await admin.close()


@pytest.fixture
def serve() -> Serve:
    """Run an app, made for its origin, on a real loopback server."""

    @asynccontextmanager
    async def run(build: Callable[[str], ASGIApp]) -> AsyncIterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
            config = uvicorn.Config(build(origin), lifespan="off", ws="none", log_config=None)
            server = uvicorn.Server(config)
            task = asyncio.create_task(server.serve(sockets=[listener]))
            yield origin
            server.should_exit = True
            await task

    return run


@pytest.fixture(scope="session")
def node() -> str:
    """Path of Node, with the packages that the scripts in `clients` import."""
    node, npm = shutil.which("node"), shutil.which("npm")
    assert node, "these tests need Node 20 or later"
    assert npm
    installed = CLIENTS / "node_modules" / ".package-lock.json"
    lock = CLIENTS / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=CLIENTS, check=True)  # noqa: S603 - a constant command
    return node


@pytest.fixture
def run_client(node: str) -> RunClient:
    """Run a script of `clients` and return the JSON objects that it prints."""

    async def run(script: str, **environment: str) -> list[dict[str, Any]]:
        process = await asyncio.create_subprocess_exec(
            node,
            CLIENTS / script,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()
        return [json.loads(line) for line in output.splitlines()]

    return run
