import hashlib
import json
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import User
from app.services.evidence.audit_pack import VERIFIER, verifier
from tests.cli.conftest import Invoke
from tests.factories.module import make_module, publish
from tests.factories.retention import make_record
from tests.factories.user import make_user


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.full
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
    verified = await invoke("verify", str(target))
    assert (verified.exit_code, verified.stderr) == (0, "")
    said, *lines = verified.stdout.splitlines()
    assert said == "Verified with this release's verifier, not with the one in the pack."
    assert lines[0] == "1 records hold: 0 sealed, 1 not sealed yet."
    assert f"SHA-256 of this verifier: {hashlib.sha256(verifier()).hexdigest()}" in lines
    [manifest] = [line for line in lines if line.startswith("SHA-256 of the manifest: ")]
    assert manifest in result.stdout
    assert names_in(tmp_path) == ["pack.zip"]


@pytest.mark.full
async def test_verifies_with_what_is_known(
    invoke: Invoke, session: AsyncSession, committed_database: Database, tmp_path: Path
) -> None:
    module = await make_module(session)
    await publish(committed_database, module)
    await make_record(session, await make_user(session), module)
    assert (await invoke("records", "seal")).exit_code == 0
    target = tmp_path / "pack.zip"
    made = json.loads((await invoke("--json", "audit-pack", "--out", str(target))).stdout)
    manifest, head = made["manifest_sha256"], made["seal_head"]
    for options, fits in (
        (("--manifest-sha256", manifest, "--seal-head", head, "--sealed"), True),
        (("--manifest-sha256", head), False),
        (("--seal-head", manifest), False),
    ):
        verified = await invoke("verify", str(target), *options)
        assert verified.exit_code == (0 if fits else 1)
        assert ("that you named" in verified.stderr) != fits


async def test_gives_the_verifier(invoke_bare: Invoke, tmp_path: Path) -> None:
    target = tmp_path / VERIFIER
    result = await invoke_bare("verify", "--hash", "--save", str(target))
    assert result.stdout == f"{hashlib.sha256(target.read_bytes()).hexdigest()}  {VERIFIER}\n"
    assert (await invoke_bare("verify")).exit_code == 2


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
