import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from devstack.postgres import (
    DataDirectoryInUse,
    DataDirectoryVersionError,
    EmbeddedPostgres,
    PostgresError,
)

pytestmark = pytest.mark.full

ORPHAN_SCRIPT = """
import sys
from pathlib import Path
from devstack.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.port, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "data")
    server.start()
    yield server
    server.stop()


async def fetchval(server: EmbeddedPostgres, query: str) -> object:
    connection = await asyncpg.connect(server.dsn())
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


def processes_of(data_dir: Path, pid: int | None) -> list[str]:
    """Servers work in their data directory; a watchdog has the server's id as an argument."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            cwd, command = (process / "cwd").readlink(), (process / "cmdline").read_text()
        except OSError:
            continue
        if cwd == data_dir or f"watchdog\0{pid}\0" in command:
            found.append(command)
    return found


@pytest.mark.parametrize("version", [16, 18])
async def test_serves_utf8_and_utc_in_either_version(tmp_path: Path, version: int) -> None:
    with EmbeddedPostgres(tmp_path / "data", version=version) as server:
        assert str(await fetchval(server, "SHOW server_version")).startswith(f"{version}.")
        assert await fetchval(server, "SELECT lower('ÀÉ')") == "àé"
        assert await fetchval(server, "SHOW timezone") == "UTC"
        assert await fetchval(server, "SHOW listen_addresses") == "127.0.0.1"
        assert await fetchval(server, "SHOW unix_socket_directories") == ""


async def test_is_durable_unless_fast(server: EmbeddedPostgres, tmp_path: Path) -> None:
    assert await fetchval(server, "SHOW fsync") == "on"
    assert await fetchval(server, "SHOW synchronous_commit") == "on"
    settings = {"work_mem": "8MB"}
    with EmbeddedPostgres(tmp_path / "fast", fast=True, settings=settings) as fast:
        assert await fetchval(fast, "SHOW fsync") == "off"
        assert await fetchval(fast, "SHOW full_page_writes") == "off"
        assert await fetchval(fast, "SHOW work_mem") == "8MB"


async def test_a_restart_keeps_the_data(server: EmbeddedPostgres) -> None:
    await fetchval(server, "CREATE TABLE kept AS SELECT 1 AS id")
    server.stop()
    server.start()
    assert await fetchval(server, "SELECT count(*) FROM kept") == 1


async def test_a_crash_keeps_what_was_committed(server: EmbeddedPostgres) -> None:
    await fetchval(server, "CREATE TABLE kept AS SELECT 1 AS id")
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    assert (server.data_dir / "postmaster.pid").exists()
    server.start()
    assert await fetchval(server, "SELECT count(*) FROM kept") == 1


def test_stop_leaves_no_process(server: EmbeddedPostgres) -> None:
    pid = server.pid
    assert len(processes_of(server.data_dir, pid)) > 2
    server.stop()
    assert processes_of(server.data_dir, pid) == []
    server.stop()


def test_a_second_server_is_refused_by_the_pid_of_the_first(server: EmbeddedPostgres) -> None:
    with pytest.raises(DataDirectoryInUse, match=f"process id {server.pid}") as refusal:
        EmbeddedPostgres(server.data_dir).start()
    assert refusal.value.pid == server.pid
    with pytest.raises(DataDirectoryInUse):
        server.start()


def test_dies_with_a_killed_parent_and_starts_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    parent = subprocess.Popen(  # noqa: S603 - a constant script
        [sys.executable, "-c", ORPHAN_SCRIPT, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with parent:
        assert parent.stdout
        port = int(parent.stdout.readline())
        with socket.create_connection(("127.0.0.1", port)) as connection:
            parent.kill()
            connection.settimeout(10)
            assert connection.recv(1) == b""
    with EmbeddedPostgres(data_dir) as successor:
        assert "not properly shut down" not in successor.log_file.read_text()


async def test_survives_a_pid_file_whose_id_went_to_another_process(
    server: EmbeddedPostgres,
) -> None:
    pid_file = server.data_dir / "postmaster.pid"
    _, _, rest = pid_file.read_text().partition("\n")
    server.stop()
    owner = server.data_dir.stat().st_uid
    bystander = await asyncio.create_subprocess_exec("/bin/sleep", "60", user=owner)
    pid_file.write_text(f"{bystander.pid}\n{rest}")
    try:
        server.start()
    finally:
        bystander.kill()
        await bystander.wait()
    assert await fetchval(server, "SELECT 1") == 1


async def test_waits_for_the_last_sessions_of_a_killed_server(server: EmbeddedPostgres) -> None:
    session = await asyncpg.connect(server.dsn())
    backend = await session.fetchval("SELECT pg_backend_pid()")
    os.kill(backend, signal.SIGSTOP)
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    threading.Timer(0.5, os.kill, (backend, signal.SIGCONT)).start()
    server.start()
    session.terminate()
    assert await fetchval(server, "SELECT 1") == 1


def test_names_the_version_that_made_the_data_directory(server: EmbeddedPostgres) -> None:
    server.stop()
    with pytest.raises(DataDirectoryVersionError, match="made by PostgreSQL 18, not 16"):
        EmbeddedPostgres(server.data_dir, version=16).start()


def test_refuses_an_unknown_version(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match=r"17 is not available, only \[16, 18\]"):
        EmbeddedPostgres(tmp_path / "data", version=17)


def test_leaves_a_folder_with_other_content_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(PostgresError, match="neither empty nor a PostgreSQL data directory"):
        EmbeddedPostgres(tmp_path).start()
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_an_unknown_setting_is_reported_with_the_server_log(tmp_path: Path) -> None:
    with pytest.raises(PostgresError, match='unrecognized configuration parameter "no_such"'):
        EmbeddedPostgres(tmp_path / "data", settings={"no_such": "1"}).start()


def test_a_taken_port_is_reported_when_it_was_asked_for(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PostgresError, match="Address already in use"):
            EmbeddedPostgres(tmp_path / "data", port=port).start()


def test_another_free_port_is_taken_when_somebody_was_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        ports = [taken.getsockname()[1], probe.getsockname()[1]]
        probe.close()
        monkeypatch.setattr("devstack.postgres._free_port", iter(ports).__next__)
        with EmbeddedPostgres(tmp_path / "data") as server:
            assert server.port == ports[1]
