"""Server processes on loopback, and the processor time that they and PostgreSQL have used."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psutil

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Cpu:
    """Microseconds since the start of the processes."""

    app: float
    postgres: float

    def since(self, before: "Cpu") -> "Cpu":
        return Cpu(self.app - before.app, self.postgres - before.postgres)

    @property
    def total(self) -> float:
        return self.app + self.postgres


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes; `own_mb` without what other processes share, such as the code of libraries."""

    resident_mb: int
    own_mb: int


TRAINING = (str(Path(sys.executable).with_name("training")), "serve")
"""The production server."""


def uvicorn(application: str) -> tuple[str, ...]:
    options = "--loop uvloop --http httptools --log-level warning --no-access-log"
    return (sys.executable, "-m", "uvicorn", application, *options.split())


class Server:
    """One process that serves."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], probe: str = ""
    ) -> None:
        self.port = free_port()
        started = time.monotonic()
        # The arguments are this module's own.
        self._process = subprocess.Popen(  # noqa: S603
            [*command, "--port", str(self.port)],
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
        )
        self._tree = psutil.Process(self._process.pid)
        self._await(probe)
        self.start_seconds = time.monotonic() - started
        self.idle_memory = self.memory()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cpu_us(self) -> float:
        processes = [self._tree, *self._tree.children(recursive=True)]
        return sum(_cpu_us(process) for process in processes)

    def memory(self) -> Memory:
        found = self._tree.memory_full_info()
        return Memory(round(found.rss / 1_048_576), round(found.uss / 1_048_576))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _await(self, probe: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                message = f"the server on port {self.port} ended with {self._process.returncode}"
                raise RuntimeError(message)
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    pass
                if probe:
                    urlopen(self.origin + probe, timeout=10).close()  # noqa: S310  # loopback http
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError


def postgres_cpu_us(postmaster_pid: int) -> float:
    """Return what all of PostgreSQL's processes have used, those that ended included."""
    postmaster = psutil.Process(postmaster_pid)
    times = postmaster.cpu_times()
    ended = times.children_user + times.children_system
    running = sum(_cpu_us(child) for child in postmaster.children(recursive=True))
    return _cpu_us(postmaster) + ended * 1e6 + running


def _cpu_us(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system) * 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
