"""While the database refuses connections or writes, clients get 503 and never 500."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog
from sqlalchemy.engine import make_url

from app.core.config import Settings
from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.domain.actor import Role
from app.models import User
from devstack.migrate import migrate
from devstack.postgres import EmbeddedPostgres
from tests.concurrency.race import race
from tests.conftest import serving, settings_for
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.routers.problems import assert_problem
from tests.support import Api, LocalKeys

pytestmark = pytest.mark.full

PASSWORD, ROTATED = "first", "second"
CALLERS = 12
CALLS_AROUND = 6


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server that asks everybody but its superuser for a password."""
    with EmbeddedPostgres(tmp_path_factory.mktemp("strict") / "data", fast=True) as server:
        rules = server.data_dir / "pg_hba.conf"
        asks = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(asks)
        migrate(server.dsn())
        statements = (
            f"ALTER ROLE {API_ROLE} PASSWORD '{PASSWORD}'",
            f"CREATE ROLE no_login NOLOGIN PASSWORD '{PASSWORD}'",
            f"CREATE ROLE crowded LOGIN CONNECTION LIMIT 0 PASSWORD '{PASSWORD}'",
            "SELECT pg_reload_conf()",
        )
        asyncio.run(as_owner(server, *statements))
        yield server


async def as_owner(server: EmbeddedPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(server.dsn())
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def url_of(
    server: EmbeddedPostgres,
    *,
    user: str = API_ROLE,
    password: str = PASSWORD,
    database: str = "postgres",
) -> str:
    url = make_url(server.dsn(database)).set(username=user, password=password)
    return url.render_as_string(hide_password=False)


@asynccontextmanager
async def served(settings: Settings, keys: LocalKeys) -> AsyncIterator[Api]:
    database = Database.from_settings(settings)
    async with serving(database, keys, InMemoryAuthAdmin()) as api:
        yield api
    await database.close()


@pytest.fixture
async def author(strict: EmbeddedPostgres) -> User:
    database = Database.from_settings(settings_for(url_of(strict)))
    async with database.writing() as session:
        found = await make_user(session, role=Role.AUTHOR)
    await database.close()
    return found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"password": "wrong"}, ("28P01", "InvalidPasswordError")),
        ({"user": "nobody_here"}, ("28P01", "InvalidPasswordError")),
        ({"user": "no_login"}, ("28000", "InvalidAuthorizationSpecificationError")),
        ({"user": "crowded"}, ("53300", "TooManyConnectionsError")),
        ({"database": "missing"}, ("3D000", "InvalidCatalogNameError")),
    ],
)
async def test_who_is_not_let_in_is_told_to_come_back(
    strict: EmbeddedPostgres,
    keys: LocalKeys,
    author: User,
    changes: dict[str, str],
    said: tuple[str, str],
) -> None:
    settings = settings_for(url_of(strict, **changes))
    async with served(settings, keys) as api:
        with structlog.testing.capture_logs() as lines:
            answers = [
                await api.get("/health/ready"),
                await api.get("/enrollments", author),
                await api.get("/users/me", author),
                await api.post("/modules", author, json={"title": "Title"}),
            ]
    for answer in answers:
        assert_problem(answer, 503, "database_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    told = [line for line in lines if line["event"] == "unavailable"]
    assert len(told) == len(answers)
    assert {(line["sqlstate"], line["reason"]) for line in told} == {said}


class Load:
    """Reads and writes, one after the other, by more callers than the pool keeps connections."""

    def __init__(self, api: Api, author: User) -> None:
        self._api = api
        self._author = author
        self._serial = itertools.count()
        self._ended = False
        self.answers: Counter[tuple[str, int]] = Counter()

    async def call(self) -> None:
        read = await self._api.get("/users/me", self._author)
        self.answers["read", read.status_code] += 1
        body = {"title": f"Title {next(self._serial)}"}
        written = await self._api.post("/modules", self._author, json=body)
        self.answers["write", written.status_code] += 1

    async def more(self, calls: int) -> None:
        for _ in range(calls):
            await self.call()

    async def until_ended(self) -> None:
        while not self._ended:
            await self.call()

    async def burst(self) -> None:
        """Read by more callers than there are connections open."""
        answers = await race(self._api.get("/users/me", self._author) for _ in range(CALLERS * 5))
        self.answers.update(("read", answer.status_code) for answer in answers)

    @asynccontextmanager
    async def around(self) -> AsyncIterator[None]:
        """Call before, during and after the block, however long it takes."""
        callers = [asyncio.create_task(self.until_ended()) for _ in range(CALLERS)]
        try:
            await self.more(CALLS_AROUND)
            yield
            await self.more(CALLS_AROUND)
        finally:
            self._ended = True
            await asyncio.gather(*callers)


async def test_a_rotated_password_interrupts_nobody(
    strict: EmbeddedPostgres, keys: LocalKeys, author: User, tmp_path: Path
) -> None:
    """The file changes before the server, so that a refused connection finds the new password."""
    file = tmp_path / "database-url"
    file.write_text(url_of(strict) + "\n")
    settings = settings_for_file(file, strict)
    async with served(settings, keys) as api:
        load = Load(api, author)
        async with load.around():
            file.write_text(url_of(strict, password=ROTATED) + "\n")
            await load.more(2)
            await as_owner(strict, f"ALTER ROLE {API_ROLE} PASSWORD '{ROTATED}'")
            for _ in range(5):
                await load.burst()
    await as_owner(strict, f"ALTER ROLE {API_ROLE} PASSWORD '{PASSWORD}'")
    print(dict(load.answers))  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(load.answers) == {("read", 200), ("write", 201)}


def settings_for_file(file: Path, server: EmbeddedPostgres) -> Settings:
    """Keep one connection only, so that most callers open one of their own."""
    small: dict[str, Any] = {"database_pool_size": 1, "database_max_overflow": CALLERS * 4}
    return settings_for("", database_url_file=file, **small)


async def test_a_server_that_takes_no_changes_is_read(
    strict: EmbeddedPostgres, keys: LocalKeys, author: User
) -> None:
    async with served(settings_for(url_of(strict)), keys) as api:
        load = Load(api, author)
        async with load.around():
            await switch(strict, "on")
            await until_read_only(api)
            assert_problem(await api.get("/health/ready"), 503, "database_read_only")
            refused = await api.post("/modules", author, json={"title": "Title"})
            assert_problem(refused, 503, "database_read_only")
            assert int(refused.headers["Retry-After"]) > 0
            assert (await api.get("/enrollments", author)).is_success
            await switch(strict, "off")
        assert (await api.get("/health/ready")).is_success
        assert (
            await api.post("/modules", author, json={"title": "Title"})
        ).status_code == 201  # the status itself
    print(dict(load.answers))  # noqa: T201  # figures to look at with `pytest -rP`
    assert set(load.answers) <= {("read", 200), ("write", 201), ("write", 503)}


async def switch(server: EmbeddedPostgres, value: str) -> None:
    await as_owner(
        server,
        f"ALTER SYSTEM SET default_transaction_read_only = {value}",
        "SELECT pg_reload_conf()",
    )


async def until_read_only(api: Api) -> None:
    for _ in range(500):
        if not (await api.get("/health/ready")).is_success:
            return
        await asyncio.sleep(0.01)
    pytest.fail("The server still takes changes.")


async def test_a_full_disk_is_told(strict: EmbeddedPostgres, keys: LocalKeys, author: User) -> None:
    """A trigger raises the error of a full disk, since really filling one needs a mount."""
    plant = (
        """
        CREATE FUNCTION fill() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$
        """,
        "CREATE TRIGGER fill BEFORE INSERT ON training_modules EXECUTE FUNCTION fill()",
    )
    await as_owner(strict, *plant)
    async with served(settings_for(url_of(strict)), keys) as api:
        refused = await api.post("/modules", author, json={"title": "Title"})
        read = await api.get("/users/me", author)
    await as_owner(strict, "DROP TRIGGER fill ON training_modules", "DROP FUNCTION fill()")
    assert_problem(refused, 503, "database_unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert read.is_success
