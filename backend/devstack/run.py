"""One process with everything: PostgreSQL, the Supabase stand-in and the API on one origin."""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path
from typing import Final

import uvloop
from sqlalchemy.exc import DBAPIError

from app.container import Container
from app.core.config import Settings
from app.core.database import Database
from app.core.logging import configure_logging
from app.core.postgres.failure import lacking, to_mend
from app.main import create_app
from app.services.content.seed import SeedService
from app.services.context import SYSTEM
from devstack.announcement import announce, announce_health, announce_models_ahead
from devstack.first_start import prepare_database
from devstack.options import DATABASE, ELSEWHERE, DevStackError, LogForm, Options, Seed
from devstack.postgres import (
    DataDirectoryInUse,
    DataDirectoryVersionError,
    EmbeddedPostgres,
    PostgresError,
)
from devstack.serving import OneOrigin, serving
from devstack.stand_ins import settings_at, stand_ins, those_who_sign_in

REALTIME: Final = {"wal_level": "logical"}
"""What Realtime needs to follow the changes."""


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
    server = EmbeddedPostgres(data_dir.resolve() / "postgres", settings=REALTIME)
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
    stop = asyncio.create_task(_on_signals().wait())
    configure_logging("WARNING", for_people=options.log is LogForm.TEXT)
    preparing = asyncio.create_task(prepare_database(postgres, options))
    await asyncio.wait({preparing, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not preparing.done():
        preparing.cancel()
        await asyncio.wait({preparing})
        return
    await preparing
    host, port = listener.getsockname()
    settings = settings_at(f"http://{host}:{port}", postgres)
    configure_logging(settings.log_level, for_people=options.log is LogForm.TEXT)
    dsn = postgres.dsn(DATABASE)
    async with stand_ins(settings, dsn, options, those_who_sign_in(options)) as apps:
        missing = await _seed(settings) if options.seed is not Seed.NOTHING else None
        api = create_app(Container.build(settings), with_worker=True)
        async with serving(OneOrigin(apps, api), listener) as served:
            announce(settings, postgres, options)
            if missing is not None:
                announce_models_ahead(postgres, missing)
            await announce_health(settings.supabase_url)
            await asyncio.wait({served, stop}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()


def _on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    return stopping


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
