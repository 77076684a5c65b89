"""Starts worker processes, and ends them and their supervisor in order."""

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from types import FrameType

from prometheus_client import multiprocess
from uvicorn import Config, Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess
from uvicorn.supervisors.multiprocess import Process

from app.core.metrics import SHARED_FOLDER


class OrderlyServer(Server):
    """Returns after a signal. Raising the signal again, as uvicorn does, looks like a failure."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as in uvicorn
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def serve_alone(config: Config, listener: socket.socket) -> int:
    """Serve until a signal; return how this process is to exit."""
    server = OrderlyServer(config)
    server.run(sockets=[listener])
    return 0 if server.started else STARTUP_FAILURE


class Supervisor(Multiprocess):
    """Gives workers the time they need to start, and closes the port before they drain."""

    def __init__(self, config: Config, sockets: list[socket.socket]) -> None:
        super().__init__(config, sockets)
        self._started: set[Process] = set()
        self._asked: set[Process] = set()

    def keep_subprocess_alive(self) -> None:
        # Uvicorn kills workers that do not answer within seconds. On a slow machine workers that
        # are still importing do not, so they would be killed and started again and again.
        if any(self._is_starting(worker) for worker in self.processes):
            return
        before = {worker.pid for worker in self.processes}
        super().keep_subprocess_alive()
        for pid in before - {worker.pid for worker in self.processes}:
            _forget_metrics(pid)

    def terminate_all(self) -> None:
        # Otherwise the kernel would accept connections that no worker serves any more.
        for listener in self.sockets:
            listener.close()
        super().terminate_all()

    def handle_hup(self) -> None:
        """End in order. A reload would be useless, because settings come from the environment."""
        self.handle_term()

    def _is_starting(self, worker: Process) -> bool:
        """Ask the worker once, and check for its answer at each call."""
        if worker in self._started or not worker.process.is_alive():
            return False
        with contextlib.suppress(OSError, EOFError):
            if worker not in self._asked:
                worker.parent_conn.send(b"ping")
                self._asked.add(worker)
            if worker.parent_conn.poll():
                self._asked.discard(worker)
                if worker.parent_conn.recv():
                    self._started.add(worker)
                    return False
        return True


def supervise(config: Config, listener: socket.socket) -> int:
    """Serve until a signal; return how this process is to exit."""
    with _shared_metrics():
        supervisor = Supervisor(config, [listener])
        supervisor.run()
    failed = any(worker.exitcode == STARTUP_FAILURE for worker in supervisor.processes)
    return STARTUP_FAILURE if failed else 0


@contextlib.contextmanager
def _shared_metrics() -> Iterator[None]:
    """Have the workers, which inherit the environment, keep their figures in one folder."""
    with tempfile.TemporaryDirectory(prefix="training-metrics-") as folder:
        os.environ[SHARED_FOLDER] = folder
        yield


def _forget_metrics(pid: int | None) -> None:
    """Keep a dead worker's counters, but drop its gauges of what was under way."""
    if pid is not None:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]  # untyped there
