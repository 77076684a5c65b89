"""Serves what the stack consists of on one origin."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from app.cli.impatience import ImpatientProtocol
from devstack.options import DevStackError


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[asyncio.Task[None]]:
    """Answer at the listener within the block; give the task that does it."""
    server = _Server(
        uvicorn.Config(
            app,
            http=ImpatientProtocol,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=5,
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await _until_started(server, task)
    try:
        yield task
    finally:
        server.should_exit = True
        await task


class OneOrigin:
    """Serves the stand-ins below Supabase's paths, and the API everywhere else."""

    def __init__(self, stand_ins: Mapping[str, ASGIApp], api: ASGIApp) -> None:
        self._stand_ins = stand_ins
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        for prefix, app in self._stand_ins.items():
            if path.startswith(f"{prefix}/"):
                await app({**scope, "root_path": prefix}, receive, send)
                return
            if path in {prefix, f"{prefix}.json"}:
                await app(scope, receive, send)
                return
        await self._api(scope, receive, send)


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own handling raises the signal again when it has stopped, which would end
        # this process before PostgreSQL has.
        yield


async def _until_started(server: uvicorn.Server, task: asyncio.Task[None]) -> None:
    while not server.started:
        if task.done():
            await task
            raise DevStackError("The server stopped while it was starting")  # noqa: TRY003  # once
        await asyncio.sleep(0.01)
