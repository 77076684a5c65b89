"""`training dev` as a developer meets it: a process, its output and what it leaves behind."""

import asyncio
import json
import os
import re
import signal
import socket
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl

import asyncpg
import httpx
import pytest

from app.core.ids import new_id
from devstack.postgres import EmbeddedPostgres
from devstack.revisions import NEWEST
from tests.cli.processes import (
    AS_ANY_USER,
    TRAINING,
    DevStack,
    alive,
    descendants,
    dev_stack,
    free_port,
    privileged_port,
    run_training,
)
from tests.migrations.conftest import copied, require_tidy

pytestmark = pytest.mark.full

ROLES = {
    "learner@unified.example": "learner",
    "learner2@unified.example": "learner",
    "manager@unified.example": "manager",
    "author@unified.example": "author",
    "admin@unified.example": "admin",
}
ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[DevStack]:
    async with dev_stack(tmp_path_factory.mktemp("devstack") / "data") as stack:
        yield stack


async def bash(script: str, folder: Path = ROOT) -> list[str]:
    """Run a piece of shell as a person would paste it; each of its commands has to succeed."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
        env={"PATH": os.environ["PATH"]},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode().splitlines()


def is_empty(folder: Path) -> bool:
    return not any(folder.iterdir())


@pytest.mark.parametrize("email", sorted(ROLES))
async def test_everybody_signs_in(stack: DevStack, email: str) -> None:
    with await stack.sign_in(email) as client:
        me = client.get("/users/me").json()
    assert (me["email"], me["role"], me["email_confirmed"]) == (email, ROLES[email], True)
    assert email in stack.announcement


@pytest.mark.parametrize(
    "path", ["/api/v1/health/live", "/auth/v1/health", "/storage/v1/object/none/x", "/mailbox"]
)
async def test_a_kept_connection_is_answered_at_once(stack: DevStack, path: str) -> None:
    """Without TCP_NODELAY each answer waits 40 ms for the client's delayed acknowledgement."""
    seconds = []
    async with httpx.AsyncClient(base_url=stack.origin) as client:
        for _ in range(30):
            started = time.perf_counter()
            await client.get(path)
            seconds.append(time.perf_counter() - started)
    assert statistics.median(seconds) < 0.010


@pytest.mark.parametrize("frontend", ["http://localhost:4200", "http://127.0.0.1:5173"])
async def test_frontends_of_this_machine_may_call(stack: DevStack, frontend: str) -> None:
    with await stack.sign_in("learner@unified.example") as client:
        response = client.get("/users/me", headers={"Origin": frontend})
    assert response.headers["Access-Control-Allow-Origin"] == frontend


async def test_an_invitation_arrives_and_its_link_signs_in(stack: DevStack) -> None:
    email = f"{new_id().hex}@unified.example"
    with await stack.sign_in("admin@unified.example") as admin:
        invited = admin.post("/users/invite", json={"email": email, "full_name": "Ada New"})
    assert invited.status_code == 201
    async with httpx.AsyncClient(base_url=stack.origin) as browser:
        assert email in (await browser.get("/mailbox")).text
        mails = (await browser.get("/mailbox.json")).json()["items"]
        (link,) = [mail["link"] for mail in mails if mail["to"] == email]
        followed = await browser.get(link)
    page, _, fragment = followed.headers["location"].partition("#")
    assert page == f"{stack.origin}/mailbox"
    with stack.client(dict(parse_qsl(fragment))["access_token"]) as client:
        assert client.get("/users/me").json()["email"] == email


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ("0.0.0.0", "is no address to call"),  # noqa: S104  # it is refused
        ("phone.local", "is no address to call"),
        ("203.0.113.9", "is no address of this machine"),
    ],
)
async def test_a_host_that_nobody_can_call_is_refused(tmp_path: Path, host: str, told: str) -> None:
    refused = await run_training("dev", "--host", host, "--data-dir", str(tmp_path / "data"))
    assert refused.code == 1
    assert told in refused.errors
    assert is_empty(tmp_path)


async def test_another_address_of_this_machine_is_the_origin(tmp_path: Path) -> None:
    async with dev_stack(tmp_path / "data", "--host", "127.0.0.2", "--log", "json") as stack:
        origin = f"http://127.0.0.2:{stack.port}"
        assert f"ready at {origin}" in stack.announcement
        async with httpx.AsyncClient(base_url=origin) as client:
            response = await client.get(
                "/api/v1/health/live", headers={"Origin": "http://127.0.0.2:5173"}
            )
        assert response.headers["Access-Control-Allow-Origin"] == "http://127.0.0.2:5173"


async def test_the_printed_commands_work(stack: DevStack) -> None:
    commands = stack.announcement.partition("Try it:")[2].rpartition("Ctrl-C")[0]
    *_, answer = await bash(commands)
    assert json.loads(answer)["email"] == "learner@unified.example"


async def test_the_printed_environment_is_all_that_commands_need(stack: DevStack) -> None:
    commands = stack.announcement.partition("Commands beside it:")[2].partition("Try it:")[0]
    *_, answer = await bash(commands.replace("uv run ", ""))
    assert answer == "Every link holds."


async def test_the_examples_for_frontend_developers_work(stack: DevStack, tmp_path: Path) -> None:
    examples = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    script = "".join(examples).replace("127.0.0.1:8000", f"127.0.0.1:{stack.port}")
    output = await bash(script.replace("uv run ", ""), tmp_path)
    assert any("records hold" in line for line in output)


async def test_the_tour_of_the_readme_works(stack: DevStack) -> None:
    tour = README.read_text().partition("## Five-minute tour")[2]
    commands = re.search(r"```sh\n(.*?)```", tour, re.DOTALL)
    assert commands
    output = await bash(commands[1].replace("127.0.0.1:8000", f"127.0.0.1:{stack.port}"))
    answers = [json.loads(line) for line in output if line.startswith("{")]
    assert answers[0]["email"] == "learner@unified.example"
    assert not any("code" in answer for answer in answers)
    assert answers[-2]["items"][0]["progress_percent"] > 0
    assert "section:completed" in {event["action"] for event in answers[-1]["items"]}
    assert any(line.lower().startswith("etag: ") for line in output)


async def test_a_second_stack_on_the_same_data_is_refused(stack: DevStack) -> None:
    refused = await run_training("dev", "--port", "65535", "--data-dir", str(stack.data_dir))
    assert refused.code == 1
    assert refused.errors.startswith(f"{stack.data_dir} is in use by another development stack")
    with await stack.sign_in("admin@unified.example") as client:
        assert client.get("/health/ready").is_success


async def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = await run_training("dev", "--port", str(port), "--data-dir", str(tmp_path))
    assert refused.code == 1
    assert refused.errors.startswith(f"Port {port} is taken.")
    assert is_empty(tmp_path)


async def test_a_port_that_is_not_for_every_user_is_refused(tmp_path: Path) -> None:
    port = str(privileged_port())
    arguments = ("dev", "--port", port, "--data-dir", str(tmp_path))
    refused = await run_training(*arguments, through=AS_ANY_USER)
    assert (refused.code, refused.errors.count("\n")) == (1, 1)
    assert refused.errors.startswith(f"Port {port} is not for every user.")
    assert is_empty(tmp_path)


async def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    refused = await run_training("dev", "--port", str(free_port()), "--data-dir", str(folder))
    assert (refused.code, refused.errors.count("\n")) == (1, 1)
    assert refused.errors.startswith(f"{folder} cannot be made: ")


async def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    """Nobody may make a file in /proc, root included."""
    refused = await run_training("dev", "--port", str(free_port()), "--data-dir", "/proc")
    assert (refused.code, refused.errors.count("\n")) == (1, 1)
    assert refused.errors.startswith("/proc cannot be used: ")


async def test_a_folder_of_another_postgresql_is_one_line(tmp_path: Path) -> None:
    with EmbeddedPostgres(tmp_path / "postgres", version=16):
        pass
    refused = await run_training("dev", "--port", str(free_port()), "--data-dir", str(tmp_path))
    assert (refused.code, refused.errors.count("\n")) == (1, 1)
    assert f"{tmp_path / 'postgres'} was made by PostgreSQL 16, not 18" in refused.errors
    assert "--data-dir FOLDER" in refused.errors


async def change(data_dir: Path, statement: str) -> None:
    """Change the database of a stack that does not run."""
    with EmbeddedPostgres(data_dir / "postgres") as server:
        connection = await asyncpg.connect(server.dsn("training"))
        await connection.execute(statement)
        await connection.close()


class TestAnotherSchema:
    @pytest.fixture
    async def data_dir(self, tmp_path: Path) -> Path:
        """Where a stack of this release has been."""
        async with dev_stack(tmp_path / "data") as stack:
            await stack.stop()
        return tmp_path / "data"

    async def test_of_a_later_release_is_one_line(self, data_dir: Path) -> None:
        await change(data_dir, "UPDATE alembic_version SET version_num = '9999'")
        refused = await run_training("dev", "--port", str(free_port()), "--data-dir", str(data_dir))
        assert (refused.code, refused.errors.count("\n")) == (1, 1)
        assert f"made by a later release (schema 9999; this one knows {NEWEST})" in refused.errors

    async def test_behind_the_models_says_what_to_run(self, data_dir: Path, tmp_path: Path) -> None:
        """The command that is printed writes a revision with which the linters find no fault."""
        await change(data_dir, "ALTER TABLE users DROP COLUMN last_sign_in")
        async with dev_stack(data_dir) as stack:
            assert stack.process.stderr
            said = await stack.process.stderr.readuntil(b"applies what is new.")
            missing, _, command = said.decode().partition("another terminal:")
            assert "The models are ahead of the database (column " in missing
            assert "last_sign_in" in missing
            tree = copied(tmp_path / "tree")
            command = command.partition("Then start again")[0].replace("uv run ", "")
            await bash(f'cd {tree}\nPATH="{TRAINING.parent}:$PATH"\nexport PATH\n{command.strip()}')
        (written,) = tree.glob(f"backend/alembic/versions/{int(NEWEST) + 1:04}_*.py")
        text = written.read_text()
        assert 'op.add_column("users", sa.Column("last_sign_in"' in text
        require_tidy(written, tree)


async def test_the_last_line_tells_that_each_part_answers(tmp_path: Path) -> None:
    async with dev_stack(tmp_path / "data") as stack:
        assert stack.process.stdout
        said = await asyncio.wait_for(stack.process.stdout.readuntil(b"/mailbox ready"), 60)
        line = said.decode().partition("Health: ")[2]
    parts = ("/api/v1/health/ready", "/auth/v1/health", "/storage/v1/bucket", "/mailbox")
    assert line == ", ".join(f"{stack.origin}{part} ready" for part in parts)


async def test_production_is_refused(tmp_path: Path) -> None:
    refused = await run_training(
        "dev", "--data-dir", str(tmp_path), environment={"ENVIRONMENT": "production"}
    )
    assert refused.code == 2
    assert "ENVIRONMENT is production" in refused.errors
    assert is_empty(tmp_path)


async def test_data_survive_and_no_process_does(tmp_path: Path) -> None:
    async with dev_stack(tmp_path / "data") as first:
        running = descendants(first.process.pid)
        assert len(running) > 2
        with await first.sign_in("learner@unified.example") as learner:
            token = learner.headers["Authorization"].removeprefix("Bearer ")
            catalogue = learner.get("/modules").json()["items"]
            payload = {"module_id": catalogue[0]["id"]}
            enrollment = learner.post("/enrollments", json=payload).json()
        assert await first.stop(signal.SIGTERM) == 0
        assert alive(running) == set()
    async with dev_stack(tmp_path / "data", port=first.port) as second:
        running = descendants(second.process.pid)
        # The old token is still valid, because the key was kept and the issuer has the same port.
        with second.client(token) as learner:
            assert learner.get("/enrollments").json()["items"] == [enrollment]
            assert learner.get("/modules").json()["items"] == catalogue
        assert await second.stop(signal.SIGINT, group=True) == 0
        assert alive(running) == set()
    print(  # noqa: T201  # a figure to look at with `pytest -rP`, not one to assert
        f"ready after {first.seconds_to_ready:.1f} s at first, "
        f"{second.seconds_to_ready:.1f} s on the same data"
    )


class TestReset:
    async def test_makes_the_next_start_a_first_one(self, tmp_path: Path) -> None:
        folder = tmp_path / "data"
        async with dev_stack(folder) as stack:
            in_use = await run_training("dev", "reset", "--data-dir", str(folder))
            assert (in_use.code, in_use.errors.count("\n")) == (1, 1)
            assert "is in use" in in_use.errors
            await stack.stop()
        (folder / "notes.txt").touch()
        done = await run_training("dev", "reset", "--data-dir", str(folder))
        assert (done.code, done.output.count("\n")) == (0, 1)
        assert [path.name for path in folder.iterdir()] == ["notes.txt"]
        again = await run_training("dev", "reset", "--data-dir", str(folder))
        assert (again.code, again.output) == (0, "There was nothing.\n")

    async def test_is_refused_in_production(self, tmp_path: Path) -> None:
        (tmp_path / "storage").mkdir()
        refused = await run_training(
            "dev", "reset", "--data-dir", str(tmp_path), environment={"ENVIRONMENT": "production"}
        )
        assert refused.code == 2
        assert (tmp_path / "storage").exists()
