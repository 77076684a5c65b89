"""What holds for each command of `training`; the program itself lists them."""

import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import typer
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount
from typer.core import TyperGroup

from app.cli.app import cli
from app.core.database import Database
from devstack.auth import AuthStore, SigningKeys, create_auth_app
from devstack.auth.users import NewUser
from devstack.postgres import EmbeddedPostgres
from devstack.storage import StorageStore, create_storage_app
from devstack.storage.schemas import BucketOptions
from tests.cli.conftest import Invoke
from tests.devstack.conftest import serving
from tests.factories.user import make_user

Command = tuple[str, ...]
KEY = "sb_secret_test"

# They serve or measure, or need no database: test_dev.py, test_serve.py, test_gates.py,
# evidence/test_audit_pack.py.
OTHERS: set[Command] = {("dev", "reset"), ("serve",), ("bench",), ("openapi",), ("verify",)}
ARGUMENTS: dict[Command, Command] = {
    ("users", "promote"): ("somebody@unified.example",),
    ("audit-pack",): ("--out", "{folder}/pack.zip"),
    ("jobs", "retry"): ("1",),
    ("jobs", "drop"): ("1",),
}
ENDLESS: Command = ("worker",)
"""It tells nothing but its log, and ends by a signal: outreach/test_worker.py."""

ONCE: set[Command] = {("jobs", "retry"), ("jobs", "drop")}
"""They need a job that was given up, and can be repeated no more: outreach/test_job.py."""

CONFIRMED: set[Command] = {("retention", "erase")}
"""Unless they are confirmed, these commands only say whom they would concern."""

ASK_SUPABASE_FIRST: set[Command] = {("media", "sweep"), ("users", "reconcile")}
"""These commands ask Supabase before they read a table, and it cannot be reached here either."""


def _commands(group: TyperGroup, path: Command = ()) -> Iterator[Command]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name)


def _root() -> TyperGroup:
    root = typer.main.get_command(cli)
    assert isinstance(root, TyperGroup)
    return root


COMMANDS = sorted(set(_commands(_root())) - OTHERS)
each = pytest.mark.parametrize("command", COMMANDS, ids=" ".join)


def called(command: Command, folder: Path) -> list[str]:
    given = ARGUMENTS.get(command, ())
    return [*command, *(argument.format(folder=folder) for argument in given)]


def test_the_lists_name_commands_that_are_there() -> None:
    assert set(_commands(_root())) >= OTHERS | ARGUMENTS.keys() | CONFIRMED | ASK_SUPABASE_FIRST


@pytest.fixture
def owner_dsn(postgres: EmbeddedPostgres, committed_database: Database) -> str:
    return postgres.dsn(committed_database.engine.url.database or "")


@pytest.fixture
async def working(
    invoke: Invoke,
    owner_dsn: str,
    session: AsyncSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Invoke]:
    """Run a command where everything is there that any of them needs."""
    person = await make_user(session, email="somebody@unified.example")
    assert person.supabase_id
    monkeypatch.setenv("MIGRATION_DATABASE_URL", owner_dsn)
    keys = SigningKeys.load_or_create(tmp_path / "keys.json")
    async with (
        AuthStore.open(owner_dsn) as accounts,
        StorageStore.open(owner_dsn, tmp_path / "storage") as objects,
    ):
        await accounts.users.create(NewUser(id=person.supabase_id, email=str(person.email)))
        await objects.buckets.create("training-media", BucketOptions())

        def stand_ins(origin: str) -> Starlette:
            issuer = f"{origin}/auth/v1"
            auth = create_auth_app(
                accounts, keys, issuer=issuer, service_key=KEY, environment="test"
            )
            storage = create_storage_app(objects, service_key=KEY, environment="test")
            return Starlette(routes=[Mount("/auth/v1", auth), Mount("/storage/v1", storage)])

        async with serving(stand_ins) as origin:
            monkeypatch.setenv("SUPABASE_URL", origin)
            yield invoke


@pytest.mark.full
@pytest.mark.parametrize("command", sorted({*COMMANDS} - {ENDLESS, *ONCE}), ids=" ".join)
async def test_programs_cron_and_people_are_told_what_each_can_use(
    working: Invoke, command: Command, tmp_path: Path
) -> None:
    line = called(command, tmp_path)
    told = await working("--json", *line)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.count("\n") == 1
    assert isinstance(json.loads(told.stdout), dict | list)
    cron = await working("--quiet", *line)
    assert (cron.exit_code, cron.output) == (0, "")
    people = await working(*line)
    assert (people.exit_code, people.stderr) == (0, "")
    assert people.stdout.strip()


@pytest.mark.full
@each
@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("postgresql://nobody_here@{host}/postgres", "refuses this user: 28000"),
        ("postgresql://postgres@{host}/not_there", "refuses this user: 3D000"),
        ("postgresql://postgres@127.0.0.1:1/training", "The database is not available"),
        ("postgresql://postgres@{host}/postgres", "run `alembic upgrade head`"),
    ],
    ids=["role", "database", "away", "unmigrated"],
)
async def test_what_a_person_can_mend_is_one_line(  # noqa: PLR0913, PLR0917  # fixtures
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    postgres: EmbeddedPostgres,
    command: Command,
    tmp_path: Path,
    database: str,
    told: str,
) -> None:
    url = database.format(host=f"127.0.0.1:{postgres.port}")
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        monkeypatch.setenv(name, url)
    result = await invoke(*called(command, tmp_path))
    assert isinstance(result.exception, SystemExit)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert told in result.stderr or command in ASK_SUPABASE_FIRST


@pytest.mark.parametrize("command", [("users", "reconcile"), ("media", "sweep")], ids=" ".join)
async def test_a_key_that_is_refused_is_told(
    working: Invoke, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_wrong")
    result = await working(*command)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "refuses this server's key (SUPABASE_SECRET_KEY)" in result.stderr


@each
async def test_settings_are_checked_first(
    invoke_bare: Invoke, command: Command, tmp_path: Path
) -> None:
    result = await invoke_bare(*called(command, tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    for name in ("DATABASE_URL", "SUPABASE_URL", "SUPABASE_SECRET_KEY"):
        assert f"  {name}: is required" in result.stderr


@pytest.mark.full
@pytest.mark.parametrize(
    "command", [("audit-pack", "--out"), ("openapi", "--output")], ids=lambda it: it[0]
)
async def test_a_folder_that_cannot_be_written_is_one_line(
    invoke: Invoke, command: Command
) -> None:
    """Nobody may make a file in /proc, root included."""
    result = await invoke(*command, "/proc/file")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith("/proc/file")
    assert os.strerror(2) in result.stderr


@pytest.mark.parametrize("command", sorted(CONFIRMED), ids=" ".join)
async def test_what_cannot_be_undone_says_so_first(working: Invoke, command: Command) -> None:
    help_text = (await working(*command, "--help")).stdout
    assert "--confirm" in help_text
    result = await working(*command)
    assert "would be" in result.stdout
