"""One process with everything: PostgreSQL, the Supabase stand-in and the API on one origin."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

import asyncpg
import uvicorn
import uvloop
from rich.console import Console
from sqlalchemy.exc import DBAPIError
from starlette.types import ASGIApp, Receive, Scope, Send

from app.cli.impatience import ImpatientProtocol
from app.container import Container
from app.core.config import Environment, Settings
from app.core.database import Database
from app.core.logging import configure_logging
from app.core.postgres.failure import lacking, to_mend
from app.core.postgres.table_security import API_ROLE
from app.domain.content.media import MediaType
from app.main import create_app
from app.services.content.seed import SeedService, demonstration_identities
from app.services.context import SYSTEM
from devstack.auth import (
    AuthStore,
    Identity,
    SigningKeys,
    create_auth_app,
    identity_id,
    seed_identities,
)
from devstack.mailbox import Mailbox
from devstack.postgres import (
    DataDirectoryInUse,
    DataDirectoryVersionError,
    EmbeddedPostgres,
    PostgresError,
)
from devstack.revisions import NEWEST
from devstack.storage import StorageStore, create_storage_app
from devstack.storage.schemas import BucketOptions

DATABASE = "training"
PASSWORD = "dental-demo"  # noqa: S105  # of the demonstration identities, on loopback alone
SECRET_KEY = "sb_secret_development_only"  # noqa: S105  # of the stand-in, on loopback alone
TOUR_EMAIL = "learner@unified.example"
ELSEWHERE = "Or choose another folder: training dev --data-dir FOLDER"


class DevStackError(RuntimeError):
    """The stack cannot start; the message says what to do."""


class LogForm(StrEnum):
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Options:
    """What a developer chooses. `data_dir` is made when it is missing."""

    host: str
    port: int
    data_dir: Path
    seed: bool = True
    access_token_seconds: int = 3600
    site_url: str | None = None
    log: LogForm = LogForm.TEXT


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM, then stop everything that was started."""
    with _listen(options.host, options.port) as listener, _postgres(options.data_dir) as postgres:
        try:
            # As production does: asyncio's own loop leaves Nagle's delay on what our listener
            # accepts.
            uvloop.run(_serve(listener, postgres, options))
        except (DBAPIError, OSError) as error:
            if (told := to_mend(error)) is None:
                raise
            raise DevStackError(told) from error


@contextlib.contextmanager
def _listen(host: str, port: int) -> Iterator[socket.socket]:
    if not _is_one_address(host):
        message = f"{host} is no address to call. Name one of this machine: --host 192.168.1.20"
        raise DevStackError(message)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except PermissionError as error:
            message = f"Port {port} is not for every user. Choose another one: --port 8000"
            raise DevStackError(message) from error
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                message = f"{host} is no address of this machine."
                raise DevStackError(message) from error
            message = f"Port {port} is taken. Choose another one: training dev --port {port + 1}"
            raise DevStackError(message) from error
        yield listener


def _is_one_address(host: str) -> bool:
    """Tell whether it is an IPv4 address. Tokens and links name it, so it cannot mean "any"."""
    try:
        return not IPv4Address(host).is_unspecified
    except AddressValueError:
        return False


@contextlib.contextmanager
def _postgres(data_dir: Path) -> Iterator[EmbeddedPostgres]:
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{data_dir.resolve()} cannot be made: {error.strerror}"
        raise DevStackError(message) from error
    server = EmbeddedPostgres(data_dir.resolve() / "postgres")
    try:
        server.start()
    except DataDirectoryInUse as error:
        message = (
            f"{data_dir.resolve()} is in use by another development stack (its PostgreSQL has "
            f"process id {error.pid}). Stop it. {ELSEWHERE}"
        )
        raise DevStackError(message) from error
    except DataDirectoryVersionError as error:
        message = f"{error}. {ELSEWHERE}"
        raise DevStackError(message) from error
    except PostgresError as error:
        raise DevStackError(str(error)) from error
    except OSError as error:
        message = f"{data_dir.resolve()} cannot be used: {error.strerror}. {ELSEWHERE}"
        raise DevStackError(message) from error
    try:
        yield server
    finally:
        server.stop()


async def _serve(listener: socket.socket, postgres: EmbeddedPostgres, options: Options) -> None:
    stopping = _on_signals()
    await _prepare_database(postgres)
    settings = _settings(listener, postgres)
    configure_logging(settings.log_level, for_people=options.log is LogForm.TEXT)
    mailbox = Mailbox(settings.issuer)
    async with _stand_ins(settings, postgres, options, mailbox) as (auth, storage):
        missing = await _seed(settings) if options.seed else None
        api = create_app(Container.build(settings))
        server = _Server(
            uvicorn.Config(
                _OneOrigin(api, auth, storage, mailbox.app()),
                http=ImpatientProtocol,
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=5,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await _until_started(server, serving)
        _announce(settings, postgres, options)
        if missing is not None:
            _announce_models_ahead(postgres, missing)
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        stop.cancel()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own handling raises the signal again when it has stopped, which would end
        # this process before PostgreSQL has.
        yield


class _OneOrigin:
    """Serves the stand-ins below Supabase's paths, and the API everywhere else."""

    def __init__(self, api: ASGIApp, auth: ASGIApp, storage: ASGIApp, mailbox: ASGIApp) -> None:
        self._api = api
        self._mounts = {"/auth/v1": auth, "/storage/v1": storage}
        self._mailbox = mailbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path in {"/mailbox", "/mailbox.json"}:
            await self._mailbox(scope, receive, send)
            return
        for prefix, app in self._mounts.items():
            if path.startswith(f"{prefix}/"):
                await app({**scope, "root_path": prefix}, receive, send)
                return
        await self._api(scope, receive, send)


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _until_started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            await serving
            raise DevStackError("The server stopped while it was starting")  # noqa: TRY003  # once
        await asyncio.sleep(0.01)


async def _prepare_database(postgres: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        known = await connection.fetchval(
            "SELECT true FROM pg_database WHERE datname = $1", DATABASE
        )
        if not known:
            await connection.execute(f"CREATE DATABASE {DATABASE}")
    finally:
        await connection.close()
    revision = await _revision(postgres)
    if revision is not None and revision > NEWEST:
        message = (
            f"The database was made by a later release (schema {revision}; this one knows "
            f"{NEWEST}). Check that release out again. {ELSEWHERE}"
        )
        raise DevStackError(message)
    if revision != NEWEST:
        # Alembic takes half a second to import, and is needed after an upgrade only.
        from devstack.migrate import migrate  # noqa: PLC0415

        await asyncio.to_thread(migrate, postgres.dsn(DATABASE))


async def _revision(postgres: EmbeddedPostgres) -> str | None:
    connection = await asyncpg.connect(postgres.dsn(DATABASE))
    try:
        revision = await connection.fetchval("SELECT version_num FROM alembic_version")
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()
    return None if revision is None else str(revision)


def _settings(listener: socket.socket, postgres: EmbeddedPostgres) -> Settings:
    host, port = listener.getsockname()
    origin = f"http://{host}:{port}"
    return Settings.model_validate(
        {
            "environment": Environment.DEVELOPMENT,
            "database_url": postgres.dsn(DATABASE, API_ROLE),
            "supabase_url": origin,
            "supabase_secret_key": SECRET_KEY,
            "metrics_enabled": True,
        }
    )


@contextlib.asynccontextmanager
async def _stand_ins(
    settings: Settings, postgres: EmbeddedPostgres, options: Options, mailbox: Mailbox
) -> AsyncIterator[tuple[ASGIApp, ASGIApp]]:
    environment = settings.environment.value
    async with (
        AuthStore.open(postgres.dsn(DATABASE)) as accounts,
        StorageStore.open(postgres.dsn(DATABASE), options.data_dir / "storage") as objects,
    ):
        if options.seed:
            await seed_identities(accounts, _identities())
        auth = create_auth_app(
            accounts,
            SigningKeys.load_or_create(options.data_dir / "auth-signing-keys.json"),
            issuer=settings.issuer,
            service_key=SECRET_KEY,
            environment=environment,
            access_token_seconds=options.access_token_seconds,
            deliver=mailbox.deliver,
            site_url=options.site_url,
        )
        await _make_bucket(objects, settings)
        storage = create_storage_app(
            objects, service_key=SECRET_KEY, environment=environment, host=options.host
        )
        yield auth, storage


async def _make_bucket(objects: StorageStore, settings: Settings) -> None:
    """As `supabase/config.toml` makes it in a real project."""
    options = BucketOptions(
        file_size_limit=max(settings.media_section_max_bytes, settings.media_evidence_max_bytes),
        allowed_mime_types=[kind.value for kind in MediaType],
    )
    await objects.buckets.create(settings.storage_bucket, options)
    await objects.buckets.update(settings.storage_bucket, options)


def _identities() -> list[Identity]:
    return [
        Identity(person.email, PASSWORD, person.full_name, identity_id(person.email))
        for person in demonstration_identities()
    ]


async def _seed(settings: Settings) -> str | None:
    """Return what the database lacks, while it has no revision of what the models say."""
    database = Database.from_settings(settings)
    service = SeedService(database, SYSTEM)
    try:
        await service.organisation()
        await service.modules()
        await service.requirements()
    except DBAPIError as error:
        if (missing := lacking(error)) is None:
            raise
        return missing
    finally:
        await database.close()
    return None


def _announce(settings: Settings, postgres: EmbeddedPostgres, options: Options) -> None:
    origin = settings.supabase_url
    console = Console(soft_wrap=True, highlight=False)
    if not IPv4Address(options.host).is_loopback:
        console.print(
            "\nEverybody in this network can call the stack, with the passwords below.",
            style="bold red",
        )
    console.print(f"\n[bold]Unified Dental training is ready at {origin}[/bold]\n")
    console.print(f"  API        {origin}/api/v1    docs {origin}/docs")
    console.print(f"  Supabase   {origin}           (stand-in for Auth and Storage)")
    console.print(f"  Mailbox    {origin}/mailbox   (invitations, recovery, changes of address)")
    console.print(f"  Database   {postgres.dsn(DATABASE)}")
    console.print(f"  Data       {options.data_dir.resolve()}")
    if options.seed:
        emails = ", ".join(person.email for person in demonstration_identities())
        console.print(f"  Sign in    {emails}")
        console.print(f"             all with the password {PASSWORD}")
    console.print("\nCommands beside it:\n", style="bold")
    console.print(_environment(settings, postgres), markup=False)
    if options.seed:
        console.print("\nTry it:\n", style="bold")
        console.print(_tour(origin), markup=False)
    console.print("\nCtrl-C stops everything; the data stay.\n")


def _announce_models_ahead(postgres: EmbeddedPostgres, missing: str) -> None:
    """Say what to run beside this stack: a revision is written by comparing its database."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(
        f"The models are ahead of the database ({missing}), so nothing was seeded. While this "
        "runs, write the revision in another terminal:\n\n"
        f"  MIGRATION_DATABASE_URL={postgres.dsn(DATABASE)} \\\n"
        '    uv run alembic revision --autogenerate -m "say what changes"\n\n'
        "Then start again: a start applies what is new.\n",
        markup=False,
    )


def _environment(settings: Settings, postgres: EmbeddedPostgres) -> str:
    return (
        f"  export ENVIRONMENT={settings.environment.value} \\\n"
        f"    SUPABASE_URL={settings.supabase_url} \\\n"
        f"    SUPABASE_SECRET_KEY={SECRET_KEY} \\\n"
        f"    DATABASE_URL={postgres.dsn(DATABASE, API_ROLE)} \\\n"
        f"    MIGRATION_DATABASE_URL={postgres.dsn(DATABASE)}\n"
        "  uv run training records verify"
    )


def _tour(origin: str) -> str:
    body = f'{{"email":"{TOUR_EMAIL}","password":"{PASSWORD}"}}'
    return (
        f"  TOKEN=$(curl -s '{origin}/auth/v1/token?grant_type=password' \\\n"
        f"    -H 'Content-Type: application/json' -d '{body}' \\\n"
        "    | python3 -c 'import json,sys; print(json.load(sys.stdin)[\"access_token\"])')\n"
        f'  curl -s {origin}/api/v1/users/me -H "Authorization: Bearer $TOKEN"'
    )
