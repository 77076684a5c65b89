"""What commands tell programs and cron, and what a person can mend by reading one line."""

import json
import os
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from tests.cli.conftest import Invoke
from tests.factories.retention import make_leaver

QUIET = [
    ("seed",),
    ("records", "verify"),
    ("records", "seal"),
    ("requirements", "reconcile"),
    ("attempts", "close-overdue"),
    ("idempotency-keys", "prune"),
    ("retention", "due"),
]


@pytest.mark.parametrize("command", QUIET, ids=" ".join)
async def test_each_reader_is_told_what_it_can_use(
    invoke: Invoke, command: tuple[str, ...]
) -> None:
    told = await invoke("--json", *command)
    assert (told.exit_code, told.stderr) == (0, "")
    assert isinstance(json.loads(told.stdout), dict | list)
    assert told.stdout.count("\n") == 1
    cron = await invoke("--quiet", *command)
    assert (cron.exit_code, cron.output) == (0, "")
    people = await invoke(*command)
    assert (people.exit_code, people.stdout.splitlines()[-1][-1]) == (0, ".")


async def test_what_is_piped_is_whole(
    invoke: Invoke, session: AsyncSession, committed_database: Database
) -> None:
    leaver = await make_leaver(session, committed_database)
    result = await invoke("retention", "due", "--all")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert rows[1][0] == str(leaver.id)


@pytest.mark.parametrize(
    ("database", "told"),
    [
        ("postgresql://nobody_here@{host}/{name}", "refuses this user: 28000"),
        ("postgresql://training_api@{host}/not_there", "refuses this user: 3D000"),
        ("postgresql://postgres@{host}/postgres", "run `alembic upgrade head`"),
    ],
)
async def test_what_an_operator_can_mend_is_one_line(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    committed_database: Database,
    database: str,
    told: str,
) -> None:
    url = committed_database.engine.url
    host = f"{url.host}:{url.port}"
    monkeypatch.setenv("DATABASE_URL", database.format(host=host, name=url.database))
    result = await invoke("records", "verify")
    assert result.exit_code == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


async def test_a_folder_that_is_not_there_is_one_line(invoke: Invoke, tmp_path: Path) -> None:
    target = tmp_path / "not there" / "pack.zip"
    result = await invoke("audit-pack", "--out", str(target))
    assert result.exit_code == 1
    assert result.stderr == f"{target}.part: {os.strerror(2)}\n"
