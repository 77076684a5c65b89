"""Runs the `training` command as a process of its own, and finds processes that it has left."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

TRAINING = Path(sys.executable).with_name("training")
PATIENCE_SECONDS = 180
PASSWORD = "dental-demo"
PUBLISHABLE_KEY = "sb_publishable_development"
# What root may do before it runs a command that is to have any user's ports and no others.
_FEWER_PORTS = ("setpriv", "--bounding-set=-net_bind_service", "--inh-caps=-net_bind_service")
AS_ANY_USER = _FEWER_PORTS if os.geteuid() == 0 else ()
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")


def privileged_port() -> int:
    """Return a port that is not for every user.

    Some containers keep none from anybody, so nothing can be refused there. Taken ports and foreign
    addresses, which end in the same line, are tried everywhere.
    """
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first == 0:
        pytest.skip("every user may have every port here")
    return min(first - 1, 80)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextlib.asynccontextmanager
async def training(
    *arguments: str,
    environment: dict[str, str] | None = None,
    output: int = PIPE,
    through: Sequence[str] = (),
) -> AsyncIterator[Process]:
    """Run the command in a session of its own, as a terminal would; kill its group in the end.

    A pipe that nobody reads stops who writes much to it: servers get DEVNULL as their `output`.
    """
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *through,
        TRAINING,
        *arguments,
        stdin=DEVNULL,
        stdout=output,
        stderr=output,
        env=kept | (environment or {}),
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        await process.communicate()


@dataclass(frozen=True, slots=True)
class Finished:
    code: int | None
    output: str
    errors: str


async def run_training(
    *arguments: str, environment: dict[str, str] | None = None, through: Sequence[str] = ()
) -> Finished:
    async with training(*arguments, environment=environment, through=through) as process:
        output, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        return Finished(process.returncode, output.decode(), errors.decode())


@dataclass(frozen=True, slots=True)
class DevStack:
    process: Process
    data_dir: Path
    origin: str
    announcement: str
    seconds_to_ready: float

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    async def stop(self, number: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send a signal, to the whole group as Ctrl-C does, and wait for the end."""
        (os.killpg if group else os.kill)(self.process.pid, number)
        await asyncio.wait_for(self.process.communicate(), PATIENCE_SECONDS)
        assert self.process.returncode is not None
        return self.process.returncode

    async def sign_in(self, email: str) -> httpx.Client:
        """Return a client of the API that carries the person's access token."""
        async with httpx.AsyncClient(base_url=self.origin) as client:
            response = await client.post(
                "/auth/v1/token",
                params={"grant_type": "password"},
                json={"email": email, "password": PASSWORD},
                headers={"apikey": PUBLISHABLE_KEY},
            )
        response.raise_for_status()
        return self.client(response.json()["access_token"])

    def client(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.origin}/api/v1", headers=headers)


@contextlib.asynccontextmanager
async def dev_stack(
    data_dir: Path,
    *options: str,
    port: int | None = None,
    small: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
) -> AsyncIterator[DevStack]:
    """Run `training dev` and wait until it says that it is ready."""
    port = port or free_port()
    size = ("--small",) if small else ()
    arguments = ("dev", "--port", str(port), "--data-dir", str(data_dir), *size, *options)
    started = time.monotonic()
    async with training(*arguments) as process:
        assert process.stdout
        said = process.stdout.readuntil(b"Ctrl-C stops everything")
        try:
            announcement = await asyncio.wait_for(said, patience_seconds)
        except asyncio.IncompleteReadError:
            _, errors = await process.communicate()
            pytest.fail(f"training dev ended at once: {errors.decode()}")
        seconds = time.monotonic() - started
        origin = f"http://127.0.0.1:{port}"
        yield DevStack(process, data_dir, origin, announcement.decode(), seconds)


def descendants(pid: int) -> set[int]:
    parents = {process: status[1] for process, status in _processes().items()}
    found, before = {pid}, set[int]()
    while found != before:
        before = set(found)
        found |= {child for child, parent in parents.items() if parent in found}
    return found - {pid}


def alive(pids: set[int]) -> set[int]:
    """Return those that still run. A zombie has ended; only its parent has not noticed yet."""
    return {pid for pid, status in _processes().items() if pid in pids and status[0] != "Z"}


async def until_gone(pids: set[int]) -> None:
    while alive(pids):  # noqa: ASYNC110  # processes of others set no event
        await asyncio.sleep(0.02)


def _processes() -> dict[int, tuple[str, int]]:
    """Return the state and the parent of each process."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            found[int(entry.name)] = (state, int(parent))
    return found
