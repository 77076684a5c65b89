"""Settings and services for commands that use the database."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol, TypeVar

import typer

from app.cli.report import err
from app.core.config import Settings, SettingsError, load_settings
from app.core.errors import AppError
from app.core.logging import configure_logging
from app.core.postgres.failure import to_mend
from app.services.factories import Services

T = TypeVar("T")


class Compose(Protocol):
    """Builds the services of a process. Commands may not import the composition root themselves."""

    def __call__(
        self, settings: Settings, *, owner: bool
    ) -> AbstractAsyncContextManager[Services]: ...


class Work(Protocol):
    """Does jobs until it is stopped. Commands may not import the worker themselves."""

    def __call__(self, services: Services, stop: asyncio.Event) -> Awaitable[None]: ...


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """What the process is made of; the entry point gives it to the commands."""

    compose: Compose
    work: Work


entry_point: ContextVar[EntryPoint] = ContextVar("entry_point")


def settings_or_exit() -> Settings:
    """Read the environment; print every fault and exit with 2 when it is not complete."""
    try:
        settings = load_settings()
    except SettingsError as error:
        err.print(str(error), markup=False)
        raise typer.Exit(2) from None
    configure_logging(settings.log_level)
    return settings


def with_services(use: Callable[[Services], Awaitable[T]], *, owner: bool = False) -> T:
    """Run a use case with the environment's services; if it fails, print one line and exit with 1.

    `owner` connects as the owner of the schema instead of as the API's role.
    """
    settings = settings_or_exit()
    compose = entry_point.get().compose

    async def run() -> T:
        async with compose(settings, owner=owner) as services:
            return await use(services)

    try:
        return asyncio.run(run())
    except AppError as error:
        err.print(error.detail or error.title, markup=False)
        raise typer.Exit(1) from None
    except Exception as error:
        if (told := to_mend(error)) is None:
            raise
        err.print(told, markup=False)
        raise typer.Exit(1) from None
