"""The backup that docs/deploy-supabase.md describes, restored to another cluster."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from alembic import command

from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from app.services.evidence.verification import Verification
from devstack.migrate import configuration, migrate
from devstack.postgres import EmbeddedPostgres
from tests.conftest import POSTGRES_VERSION, settings_for
from tests.migrations.catalogue import Catalogue
from tests.migrations.conftest import execute, fetch
from tests.migrations.test_revisions import tables

pytestmark = pytest.mark.full

DUMP = ("pg_dump", "--format", "custom", "--schema", "public", "--no-owner", "--file")
LIST = ("pg_restore", "--list", "--schema", "public")
RESTORE = (
    "pg_restore",
    *("--clean", "--if-exists", "--no-owner", "--schema", "public"),
    *("--single-transaction", "--exit-on-error", "--use-list"),
)
DOCUMENTATION = Path(__file__).parents[3] / "docs" / "deploy-supabase.md"


def run(server: EmbeddedPostgres, *arguments: str) -> str:
    program, *rest = arguments
    done = subprocess.run(  # noqa: S603  # the server's own tools
        [server.bin_dir / program, *rest], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(postgres: EmbeddedPostgres, seeded: str) -> str:
    return postgres.dsn(seeded)


@pytest.fixture(scope="module")
def restored(
    postgres: EmbeddedPostgres, source: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Restore the dump to a cluster that was only migrated."""
    folder = tmp_path_factory.mktemp("backup")
    dump, items = str(folder / "training.dump"), folder / "items"
    run(postgres, *DUMP, dump, source)
    listed = run(postgres, *LIST, dump).splitlines()
    items.write_text("\n".join(line for line in listed if "DEFAULT ACL" not in line))
    with EmbeddedPostgres(folder / "data", version=POSTGRES_VERSION, fast=True) as other:
        migrate(other.dsn())
        run(other, *RESTORE, str(items), "--dbname", other.dsn(), dump)
        yield other.dsn()


def as_api(dsn: str) -> str:
    return dsn.replace("postgres@", f"{API_ROLE}@")


def verify(dsn: str) -> Verification:
    return asyncio.run(_verify(dsn))


async def _verify(dsn: str) -> Verification:
    database = Database.from_settings(settings_for(as_api(dsn), database_pooler="direct"))
    try:
        return await TrainingRecordService(database, SYSTEM).verify()
    finally:
        await database.close()


def protection(dsn: str) -> dict[str, Any]:
    return asyncio.run(_protection(dsn))


async def _protection(dsn: str) -> dict[str, Any]:
    """Collect what keeps the rows safe: rights, triggers, row security, limits of the role."""
    connection = await asyncpg.connect(dsn)
    try:
        catalogue = Catalogue(connection)
        return {
            "open": await catalogue.without_row_security(),
            "granted": await catalogue.granted(),
            "rights": await catalogue.api_rights(),
            "triggers": {name: await catalogue.triggers(name) for name in await catalogue.tables()},
            "limits": await connection.fetchval(
                "SELECT rolconfig FROM pg_roles WHERE rolname = $1", API_ROLE
            ),
        }
    finally:
        await connection.close()


def test_is_what_the_documentation_says() -> None:
    text = " ".join(DOCUMENTATION.read_text().replace("\\\n", "").split())
    for documented in (DUMP, LIST, RESTORE):
        assert " ".join(documented) in text


def test_has_every_row(source: str, restored: str) -> None:
    before = tables(source)
    assert before["training_records"]
    assert before["audit_events"]
    assert tables(restored) == before


def test_has_the_same_schema_and_protection(source: str, restored: str) -> None:
    command.check(configuration(restored))
    before = protection(source)
    assert before["limits"]
    assert protection(restored) == before


def test_evidence_holds_and_cannot_be_rewritten(source: str, restored: str) -> None:
    verification = verify(restored)
    assert verification == verify(source)
    assert verification.broken is None
    assert verification.seals == 1
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        asyncio.run(execute(as_api(restored), "UPDATE training_records SET minutes = 9"))
    with pytest.raises(asyncpg.RestrictViolationError):
        asyncio.run(execute(restored, "UPDATE training_records SET minutes = 9"))


def test_a_row_that_was_changed_on_the_way_is_named(restored: str) -> None:
    [record] = asyncio.run(fetch(restored, "SELECT id, minutes FROM training_records"))
    change = "SET session_replication_role = replica; UPDATE training_records SET minutes = {}"
    asyncio.run(execute(restored, change.format(9)))
    broken = verify(restored).broken
    asyncio.run(execute(restored, change.format(record["minutes"])))
    assert broken is not None
    assert broken.record_id == record["id"]
    assert verify(restored).broken is None
