import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import asyncpg
import pytest
import uvicorn
from starlette.types import ASGIApp

from devstack.postgres import EmbeddedPostgres
from tests.clients.node import installed_node, run_script

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


@asynccontextmanager
async def serving(build: Callable[[str], ASGIApp]) -> AsyncIterator[str]:
    """Run an app, made for its origin, on a real loopback server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(build(origin), lifespan="off", ws="none", log_config=None)
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield origin
        finally:
            server.should_exit = True
            await task


@pytest.fixture
def serve() -> Serve:
    return serving


@pytest.fixture(scope="session")
def node() -> str:
    return installed_node()


@pytest.fixture
def run_client(node: str) -> RunClient:
    """Run a script of `clients` and return the JSON objects that it prints."""

    async def run(script: str, **environment: str) -> list[dict[str, Any]]:
        return await run_script(node, script, environment)

    return run
