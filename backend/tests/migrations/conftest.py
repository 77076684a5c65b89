"""Databases to migrate back and forth: made by name, dropped at the end."""

import asyncio
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from app.core.config import Settings
from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.domain.actor import Actor
from app.models import User
from app.schemas.study.enrollment import Acknowledge, EnrollmentCreate, ProgressReport
from app.services.content.seed import SeedService
from app.services.context import SYSTEM, RequestContext
from app.services.evidence.training_record import TrainingRecordService
from devstack.postgres import EmbeddedPostgres
from tests.conftest import settings_for
from tests.factories.enrollment import enrollment_service
from tests.factories.media import make_media, video_section
from tests.factories.module import acknowledgement_section, make_module, publish, text_section
from tests.factories.user import make_user

ROOT = Path(__file__).parents[3]
NewDatabase = Callable[[str | None], str]
_serial = itertools.count(1)

collect_ignore = [] if "TEST_SPLINTER_SQL" in os.environ else ["test_splinter.py"]


def copied(tree: Path) -> Path:
    """Copy what Alembic writes to, and what tells it and ruff how."""
    shutil.copytree(ROOT / "backend" / "alembic", tree / "backend" / "alembic")
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def require_tidy(revision: Path, tree: Path) -> None:
    """Fail unless a revision is as the linters want it."""
    ruff = Path(sys.executable).with_name("ruff")
    for check in (["check"], ["format", "--check"]):
        subprocess.run([ruff, *check, revision], cwd=tree, check=True)  # noqa: S603  # our own command


async def execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(dsn: str, query: str, *arguments: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(dsn)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


@pytest.fixture(scope="package")
def new_database(postgres: EmbeddedPostgres) -> Iterator[NewDatabase]:
    """Make a database, a copy of another one where it is named; return its owner's DSN."""
    names = []

    def make(copied: str | None = None) -> str:
        name = f"migrations_{next(_serial)}"
        template = f" TEMPLATE {copied}" if copied else ""
        asyncio.run(execute(postgres.dsn(), f"CREATE DATABASE {name}{template}"))
        names.append(name)
        return postgres.dsn(name)

    yield make
    drops = [f"DROP DATABASE {name} WITH (FORCE)" for name in names]
    asyncio.run(execute(postgres.dsn(), *drops))


@pytest.fixture(scope="package")
def seeded(new_database: NewDatabase, template: str) -> str:
    """Name of a database with the shipped content, staff and evidence of two completions."""
    dsn = new_database(template)
    name = dsn.rpartition("/")[2]
    api = dsn.replace("postgres@", f"{API_ROLE}@")
    asyncio.run(_seed(settings_for(api)))
    return name


async def _seed(settings: Settings) -> None:
    database = Database.from_settings(settings)
    try:
        seed = SeedService(database, SYSTEM)
        await seed.organisation()
        await seed.modules()
        await _complete(database)
        await TrainingRecordService(database, SYSTEM).seal()
    finally:
        await database.close()


async def _complete(database: Database) -> None:
    async with database.writing() as session:
        user = await make_user(session)
        film = video_section(await make_media(session, user), required=False)
        module = await make_module(session, text_section(), acknowledgement_section(), film)
    await publish(database, module)
    service = enrollment_service(database, _acting(user))
    answer = await service.enroll(EnrollmentCreate(module_id=module.id))
    enrollment_id = answer.value.id
    text, policy, _ = module.sections
    await service.report_progress(enrollment_id, text.id, ProgressReport(completed=True))
    signature = Acknowledge(printed_name=user.display_name, meaning="I will follow it.")
    await service.acknowledge(enrollment_id, policy.id, signature)


def _acting(user: User) -> RequestContext:
    return RequestContext(Actor(user.id, user.role, user.location_id))
