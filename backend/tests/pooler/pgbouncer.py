"""pgbouncer between the application and PostgreSQL."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import PoolerMode
from devstack.postgres import HOST
from tests.cli.processes import PATIENCE_SECONDS, free_port
from tests.programs import installed

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin"
# It refuses to run as root, unless it is told which account to change to.
_ACCOUNT = "user = nobody" if os.geteuid() == 0 else ""
_CONFIGURATION = """
[databases]
* = host={host} port={upstream} user={role}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {servers}
max_client_conn = 500
{account}
"""


def installed_pgbouncer() -> str:
    """Return the path of pgbouncer, which CI must have."""
    return installed("pgbouncer", needed_for="a pooler", path=PATH)


@contextmanager
def pgbouncer(directory: Path, upstream: int, mode: PoolerMode, *, servers: int) -> Iterator[int]:
    """Run it with as many server connections for each database; return its port.

    Whatever name a client gives, the server sees the API's role.
    """
    binary = installed_pgbouncer()
    port = free_port()
    configuration = directory / "pgbouncer.ini"
    configuration.write_text(
        _CONFIGURATION.format(
            host=HOST,
            upstream=upstream,
            role=API_ROLE,
            port=port,
            mode=mode,
            servers=servers,
            account=_ACCOUNT,
        )
    )
    with (directory / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([binary, "-q", configuration], stderr=log, stdout=log)  # noqa: S603  # our own arguments
    try:
        _await_port(process, port)
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def _await_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
            return
        time.sleep(0.01)
    pytest.fail("pgbouncer did not start")
