"""pgbouncer in transaction mode between the served variant and PostgreSQL."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.core.postgres.table_security import API_ROLE
from benchmarks.servers import free_port

BINARY = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={upstream} user={role}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
user = nobody
pool_mode = transaction
default_pool_size = 3
ignore_startup_parameters = extra_float_digits
"""


def is_installed() -> bool:
    return Path(BINARY).is_file()


@contextmanager
def pooled(directory: Path, upstream: int) -> Iterator[int]:
    """Run pgbouncer with fewer server connections than it has clients; return its port."""
    port = free_port()
    configuration = directory / "pgbouncer.ini"
    text = _CONFIGURATION.format(upstream=upstream, port=port, role=API_ROLE)
    configuration.write_text(text)
    # The arguments are this module's own.
    process = subprocess.Popen([BINARY, "-q", str(configuration)], stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(20)
