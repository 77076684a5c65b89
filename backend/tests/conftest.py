"""A migrated PostgreSQL for each worker; rollback for each test, real commits where asked for.

- `database`: one transaction, rolled back; what most tests use, through `api` and factories.
- `committed_database`: a copy of the migrated database of its own, for races and jobs.
- `sqlite`: the core tables in memory, for repositories of the core nouns.

TEST_POSTGRES_VERSION=16 runs everything on that version instead of 18. TEST_POOLER=transaction or
session puts pgbouncer between `committed_database` and the server.
"""

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache, partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import hypothesis
import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import Connection, Dialect, event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app import models
from app.container import Container
from app.core.auth.security import TokenCache, TokenVerifier
from app.core.config import Environment, Settings
from app.core.database import Base, Database
from app.core.metrics import Metrics
from app.core.postgres.table_security import API_ROLE
from app.core.postgres.url import PoolerMode
from app.core.tls import trusted_authorities
from app.domain.actor import Role
from app.integrations.auth_admin import AuthAdmin
from app.main import create_app, openapi_document
from app.models import User
from app.services.people.user_sync import UserSync
from app.services.study.content_cache import ContentCache
from devstack.migrate import migrate
from devstack.postgres import HOST, EmbeddedPostgres
from tests.described import Described
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.fakes.file_storage import InMemoryFileStorage
from tests.planting import let_tests_plant
from tests.pooler.pgbouncer import pgbouncer
from tests.support import ISSUER, ORIGIN, Api, LocalKeys, RollbackDatabase

TEMPLATE = "template_training"
POSTGRES_VERSION = int(os.environ.get("TEST_POSTGRES_VERSION", "18"))
POOLER = PoolerMode(os.environ.get("TEST_POOLER", PoolerMode.DIRECT))
# In session mode each connection of a test's pools needs one to the server.
POOLER_SERVERS = {PoolerMode.TRANSACTION: 20, PoolerMode.SESSION: 100}
PORTABLE_TABLES = [
    Base.metadata.tables[model.__tablename__]
    for model in (
        models.Department,
        models.DepartmentSpelling,
        models.JobTitle,
        models.JobTitleSpelling,
        models.Location,
        models.LocationManager,
        models.User,
        models.Position,
        models.TrainingModule,
        models.ModulePrerequisite,
        models.ModuleSection,
        models.QuizQuestion,
        models.ModuleVersion,
        models.VersionSection,
        models.Enrollment,
        models.SectionProgress,
    )
]
WHOLE, QUICK, MUTATION = "whole", "quick", "mutation"
# How long a busy machine takes to make examples says nothing about what they test.
hypothesis.settings.register_profile(WHOLE, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile(QUICK, hypothesis.settings.get_profile(WHOLE), max_examples=25)
# mutmut runs each test many times in one process, whose speed says nothing; and that a mutant is
# noticed is enough, however large the example.
hypothesis.settings.register_profile(
    MUTATION,
    deadline=None,
    max_examples=40,
    derandomize=True,
    database=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=[
        hypothesis.HealthCheck.differing_executors,
        hypothesis.HealthCheck.too_slow,
    ],
)
MEMORY_BYTES = 4 * 2**30
_serial = itertools.count(1)


def _memory() -> Path | None:
    """A folder in memory, if there is a large one: a copied database takes 30 ms there, not 450."""
    folder = Path("/dev/shm")  # noqa: S108  # only the place; mkdtemp makes the folder
    with contextlib.suppress(OSError):
        if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free > MEMORY_BYTES:
            return folder
    return None


def pytest_configure(config: pytest.Config) -> None:
    """Give the quick suite fewer examples, all temporary files a folder, and logs a plain form.

    Started by root, PostgreSQL runs as somebody else, who must be able to pass the folders above
    the data at every checkpoint; each session that starts closes the folder they usually share.
    """
    # By default structlog prints exceptions with the values of all variables, which takes seconds.
    *processors, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*processors, plain])
    if config.option.hypothesis_profile is None:
        is_quick = "not full" in config.option.markexpr
        hypothesis.settings.load_profile(QUICK if is_quick else WHOLE)
    if config.option.basetemp is None:
        folder = tempfile.mkdtemp(prefix="training-tests-", dir=_memory())
        config.option.basetemp = folder
        config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the tests with many examples last, since quick ones notice most mutants."""
    if config.option.hypothesis_profile == MUTATION:
        items.sort(key=lambda item: item.get_closest_marker("hypothesis") is not None)


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Let no test reach another machine."""
    patch = pytest.MonkeyPatch()
    for name in ("connect", "connect_ex"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family != socket.AF_UNIX and not _is_loopback(address[0]):
            pytest.fail(f"a test tried to reach {address[0]}")
        return connect(self, address)

    return guarded


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    settings = {"max_connections": "200"}
    directory = tmp_path_factory.mktemp("postgres") / "data"
    with EmbeddedPostgres(
        directory, version=POSTGRES_VERSION, fast=True, settings=settings
    ) as server:
        yield server


@pytest.fixture(scope="session")
def api_port(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port for the API's connections: the server's, or that of the pooler if one is in use."""
    if POOLER is PoolerMode.DIRECT:
        yield postgres.port
        return
    directory = tmp_path_factory.mktemp("pooler")
    with pgbouncer(directory, postgres.port, POOLER, servers=POOLER_SERVERS[POOLER]) as port:
        yield port


@pytest.fixture(scope="session")
def template(postgres: EmbeddedPostgres) -> str:
    """Name of a migrated, empty database that others are copied from."""
    asyncio.run(_execute(postgres, f"CREATE DATABASE {TEMPLATE}"))
    migrate(postgres.dsn(TEMPLATE))
    asyncio.run(let_tests_plant(postgres.dsn(TEMPLATE)))
    return TEMPLATE


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
async def engine(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[AsyncEngine]:
    """Connect to this worker's database as the API's own role."""
    await _execute(postgres, f"CREATE DATABASE worker TEMPLATE {template}")
    engine = Database.from_settings(settings_for(postgres.dsn("worker", API_ROLE))).engine
    _call_all_savepoints_alike(engine.dialect)
    yield engine
    await engine.dispose()


def _call_all_savepoints_alike(dialect: Dialect) -> None:
    """Make each statement about savepoints the same, so that the driver prepares it once.

    An inner savepoint may have the name of an outer one. It has to be gone before the outer one can
    be spoken of again, so whoever rolls back releases it as well.
    """

    def save(connection: Connection, _name: str) -> None:
        connection.exec_driver_sql("SAVEPOINT nested")

    def roll_back(connection: Connection, name: str) -> None:
        connection.exec_driver_sql("ROLLBACK TO SAVEPOINT nested")
        release(connection, name)

    def release(connection: Connection, _name: str) -> None:
        connection.exec_driver_sql("RELEASE SAVEPOINT nested")

    dialect.do_savepoint = save  # type: ignore[assignment]
    dialect.do_rollback_to_savepoint = roll_back  # type: ignore[method-assign]
    dialect.do_release_savepoint = release  # type: ignore[assignment]


@pytest.fixture
async def database(engine: AsyncEngine) -> AsyncIterator[RollbackDatabase]:
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield RollbackDatabase(engine, connection)
        await transaction.rollback()


@pytest.fixture
async def committed_database(
    postgres: EmbeddedPostgres, template: str, api_port: int
) -> AsyncIterator[Database]:
    """Copy the migrated database; use its pool as the API's own role."""
    name = f"committed_{next(_serial)}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template}")
    url = f"postgresql://{API_ROLE}@{HOST}:{api_port}/{name}"
    database = Database.from_settings(settings_for(url))
    yield database
    await database.close()
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def session(database: RollbackDatabase) -> AsyncIterator[AsyncSession]:
    """A session in the test's transaction, for factories and for looking at rows."""
    async with database.writing() as session:
        yield session


@pytest.fixture
async def sqlite() -> AsyncIterator[AsyncSession]:
    engine = create_async_engine("sqlite+aiosqlite://")
    event.listen(engine.sync_engine, "connect", _add_functions)
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all, tables=PORTABLE_TABLES)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
    await engine.dispose()


def _add_functions(connection: Any, _record: object) -> None:  # aiosqlite's own
    """Stand in for functions of our PostgreSQL: it knows the zones of offices, and their states."""
    for name in ("local_day", "person_day"):
        connection.create_function(name, 1, lambda _: datetime.now(UTC).date().isoformat())
    connection.create_function("concerns", 2, lambda of_section, _: of_section is None)


def settings_for(database_url: str, **changes: Any) -> Settings:
    return Settings.model_validate(
        {
            "environment": Environment.TEST,
            "database_url": database_url,
            "supabase_url": ORIGIN,
            "supabase_secret_key": "sb_secret_test",
            "metrics_enabled": True,
            "database_pool_timeout": 30,
            "database_pooler": None if POOLER is PoolerMode.DIRECT else POOLER,
            **changes,
        }
    )


@pytest.fixture(scope="session")
def keys() -> LocalKeys:
    return LocalKeys()


@pytest.fixture
def auth_admin() -> InMemoryAuthAdmin:
    return InMemoryAuthAdmin()


def container_for(
    database: Database, keys: LocalKeys, auth: AuthAdmin, settings: Settings
) -> Container:
    return Container(
        settings=settings,
        database=database,
        auth=auth,
        storage=InMemoryFileStorage(settings.storage_bucket),
        verifier=TokenVerifier(keys, issuer=ISSUER, cache=TokenCache(1000, 60)),
        sync=UserSync(database, auth, bootstrap_admin_email=settings.bootstrap_admin_email),
        cache=ContentCache(1_048_576),
        metrics=Metrics(database),
        http=httpx.AsyncClient(verify=trusted_authorities()),
    )


@pytest.fixture(scope="session")
def application(engine: AsyncEngine, keys: LocalKeys) -> FastAPI:
    """One application for a worker's tests, since FastAPI prepares a route at its first use."""
    settings = settings_for(engine.url.render_as_string(hide_password=False))
    return create_app(container_for(Database(engine), keys, InMemoryAuthAdmin(), settings))


@pytest.fixture
async def api(
    application: FastAPI,
    database: RollbackDatabase,
    keys: LocalKeys,
    auth_admin: InMemoryAuthAdmin,
) -> AsyncIterator[Api]:
    """The application in the test's transaction."""
    settings = application.state.container.settings
    application.state.container = container_for(database, keys, auth_admin, settings)
    async with _clients_of(application, keys) as api:
        yield api


@pytest.fixture
async def committed_api(
    application: FastAPI,
    committed_database: Database,
    keys: LocalKeys,
    auth_admin: InMemoryAuthAdmin,
) -> AsyncIterator[Api]:
    """The application with a real pool and real commits."""
    settings = application.state.container.settings
    application.state.container = container_for(committed_database, keys, auth_admin, settings)
    async with _clients_of(application, keys) as api:
        yield api


@asynccontextmanager
async def serving(
    database: Database, keys: LocalKeys, auth: AuthAdmin, **changes: Any
) -> AsyncIterator[Api]:
    """Serve an application of its own on a database."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = settings_for(url, **changes)
    application = create_app(container_for(database, keys, auth, settings))
    async with _clients_of(application, keys) as api:
        yield api


@cache
def described() -> Described:
    return Described(json.loads(openapi_document()))


@asynccontextmanager
async def _clients_of(application: FastAPI, keys: LocalKeys) -> AsyncIterator[Api]:
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    hooks = {"response": [described().check]}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, event_hooks=hooks) as client:
        yield Api(client, keys)
    await application.state.container.http.aclose()


@pytest.fixture
async def learner(session: AsyncSession) -> User:
    return await make_user(session)


@pytest.fixture
async def other_learner(session: AsyncSession) -> User:
    return await make_user(session)


@pytest.fixture
async def manager(session: AsyncSession) -> User:
    return await make_user(session, role=Role.MANAGER)


@pytest.fixture
async def author(session: AsyncSession) -> User:
    return await make_user(session, role=Role.AUTHOR)


@pytest.fixture
async def admin(session: AsyncSession) -> User:
    return await make_user(session, role=Role.ADMIN)
