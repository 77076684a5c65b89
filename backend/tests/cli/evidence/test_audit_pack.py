import asyncio
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from tests.cli.conftest import Invoke
from tests.factories.module import make_module, publish
from tests.factories.retention import make_record


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_writes_a_pack_that_holds(
    invoke: Invoke,
    session: AsyncSession,
    committed_database: Database,
    learner: User,
    tmp_path: Path,
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    await make_record(session, learner, module)
    target = tmp_path / "pack.zip"
    result = await invoke(
        "audit-pack", "--out", str(target), "--from", "2019-01-01", "--to", "2019-12-31"
    )
    assert result.exit_code == 0
    assert result.stdout.startswith(f"1 records in {target}\n")
    with zipfile.ZipFile(target) as archive:
        script = tmp_path / "verify.py"
        script.write_bytes(archive.read("verify.py"))
    command = [sys.executable, "-I", str(script), str(target)]
    verified = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True
    )
    manifest = verified.stdout.splitlines()[1]
    assert manifest in result.stdout
    assert names_in(tmp_path) == ["pack.zip", "verify.py"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--user", "00000000-0000-0000-0000-000000000001"),
        ("--from", "2020-02-01", "--to", "2020-01-01"),
    ],
)
async def test_impossible_scope(invoke: Invoke, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    target = tmp_path / "pack.zip"
    result = await invoke("audit-pack", "--out", str(target), *arguments)
    assert result.exit_code == 1
    assert names_in(tmp_path) == []
