"""`training requirements`: brings stored statuses and enrollments up to date."""

import uuid
from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import progress, report, table
from app.core.errors import NotFoundError
from app.services.compliance.reconciliation import Reconciled, ReconciliationService
from app.services.compliance.reconciliation_changes import Change, Shown
from app.services.context import SYSTEM
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Requirements and certification periods.")


CHANGES_AHEAD = 3
"""Exit code; 1 and 2 are taken by errors."""


@cli.command()
def reconcile(
    dry_run: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--dry-run", help="Count what would be written, and write nothing.")
    ] = False,
    pending: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--pending", help="Only what completions have left behind.")
    ] = False,
    explain_changes: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool,
        typer.Option(
            "--explain-changes",
            help=f"List what would be shown otherwise and why, and write nothing. "
            f"Exit code {CHANGES_AHEAD} where anything would.",
        ),
    ] = False,
    user: Annotated[
        list[str] | None, typer.Option(help="Address of an active person; may be repeated.")
    ] = None,
) -> None:
    """Bring periods, the matrix and enrollments up to what is recorded. Run it every night."""
    if explain_changes:
        _explain(user)
        return

    async def use(services: Services) -> Reconciled:
        service = services.reconciliation(SYSTEM)
        if pending:
            return await service.run_pending()
        with progress() as bar:
            task = bar.add_task("People", total=None)
            return await service.run(
                await _people(service, user),
                dry_run=dry_run,
                progress=lambda done, total: bar.update(task, completed=done, total=total),
            )

    done = with_services(use)
    _report(done, "would be" if dry_run else "were")
    if done.failed:
        raise typer.Exit(1)


def _report(done: Reconciled, verb: str) -> None:
    report(
        done,
        f"{done.people} people looked at. {done.segments} statuses and {done.periods} periods "
        f"{verb} written; {done.enrolled} enrollments {verb} made, {done.dated} dated anew, "
        f"{done.withdrawn} withdrawn.",
        *([f"It failed for {done.failed} people, whom the log names."] if done.failed else []),
    )


def _explain(addresses: list[str] | None) -> None:
    async def use(services: Services) -> list[Change]:
        people = await _people(services.reconciliation(SYSTEM), addresses)
        return [change async for change in services.reconciliation_changes(SYSTEM).list(people)]

    changes = with_services(use)
    table(
        ("person", "requirement", "day", "shown", "will be shown", "reason"),
        (
            (
                *(change.email or change.display_name, change.requirement, change.day.isoformat()),
                *(_words(change.before), _words(change.after), change.reason),
            )
            for change in changes
        ),
    )
    report(changes, f"{len(changes)} statuses would be shown otherwise. Nothing was written.")
    if changes:
        raise typer.Exit(CHANGES_AHEAD)


def _words(shown: Shown | None) -> str:
    if shown is None:
        return "nothing"
    dates = (("due", shown.due_on), ("valid through", shown.valid_through))
    return ", ".join([shown.status, *(f"{name} {day}" for name, day in dates if day)])


async def _people(
    service: ReconciliationService, addresses: list[str] | None
) -> list[uuid.UUID] | None:
    if not addresses:
        return None
    found = await service.people(addresses)
    if len(found) < len(set(addresses)):
        raise NotFoundError("user")
    return found
