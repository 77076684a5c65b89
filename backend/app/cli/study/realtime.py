"""`training realtime`: direct reads of the learners' own rows, for Supabase Realtime."""

from collections.abc import Awaitable, Callable

import typer

from app.cli.environment import with_services
from app.cli.report import report, table
from app.repositories.study.realtime import Exposure
from app.services.context import SYSTEM
from app.services.factories import Services
from app.services.study.realtime import RealtimeService, is_as_enabled

cli = typer.Typer(
    no_args_is_help=True,
    help="Let signed-in people read their own rows directly. Needs MIGRATION_DATABASE_URL.",
)


@cli.command()
def enable() -> None:
    """Grant the readable columns to `authenticated` and publish their tables."""
    _show(_run(RealtimeService.enable))


@cli.command()
def disable() -> None:
    """Revoke the grants and take the tables out of the publication."""
    _show(_run(RealtimeService.disable))


@cli.command()
def status() -> None:
    """Show what is granted and published."""
    _show(_run(RealtimeService.status))


def _run(use: Callable[[RealtimeService], Awaitable[list[Exposure]]]) -> list[Exposure]:
    async def run(services: Services) -> list[Exposure]:
        return await use(services.realtime(SYSTEM))

    return with_services(run, owner=True)


def _show(exposures: list[Exposure]) -> None:
    table(("Table", "Columns to read", "Published"), map(_cells, exposures))
    report(exposures, _summary(exposures))


def _cells(exposure: Exposure) -> tuple[str, str, str]:
    columns = ", ".join(sorted(exposure.columns)) or "none"
    return exposure.table, columns, "yes" if exposure.published else "no"


def _summary(exposures: list[Exposure]) -> str:
    if not any(exposure.columns or exposure.published for exposure in exposures):
        return "Realtime is off: nothing is open to `authenticated`."
    if all(map(is_as_enabled, exposures)):
        return "Realtime is on: people may read their own rows."
    return "Grants or publication differ from this release: run `training realtime enable`."
