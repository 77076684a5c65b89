"""`training users`: what an operator does to the directory."""

from typing import Annotated

import typer
from rich.progress import Progress

from app.cli.environment import err, out, with_services
from app.domain.actor import Role
from app.services.context import SYSTEM
from app.services.factories import Services
from app.services.people.account_sync import AccountsSynced

cli = typer.Typer(no_args_is_help=True, help="The staff directory.")

SHOWN = 20
"""Addresses without an account are an import's worth of lines otherwise."""


@cli.command()
def promote(
    email: Annotated[str, typer.Argument(help="Address of an active person.")],
    role: Annotated[Role, typer.Option(help="The role to give.")] = Role.ADMIN,
) -> None:
    """Give a person a role; this is how the first admin is made."""

    async def use(services: Services) -> None:
        user = await services.users(SYSTEM).promote(email, role)
        out.print(f"{user.email} is now {user.role}.", markup=False)

    with_services(use)


@cli.command()
def reconcile(
    dry_run: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--dry-run", help="Count what would change, and change nothing.")
    ] = False,
    confirm: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--confirm", help="Deactivate however many have no account.")
    ] = False,
) -> None:
    """Follow deletions and address changes in Supabase. Run it every night."""

    async def use(services: Services) -> AccountsSynced:
        with Progress(console=err, transient=True) as bar:
            task = bar.add_task("Accounts", total=None)
            return await services.account_sync().run(
                dry_run=dry_run,
                confirmed=confirm,
                progress=lambda count: bar.update(task, completed=count),
            )

    _print(with_services(use), "would be" if dry_run else "were")


def _print(done: AccountsSynced, verb: str) -> None:
    out.print(
        f"{done.accounts} accounts, {done.people} people with one. "
        f"{done.deactivated} people {verb} deactivated, {done.emails_changed} addresses {verb} "
        f"changed and {done.confirmed} confirmed."
    )
    out.print(
        f"Left alone: {done.held_back} addresses that others have, {done.unconfirmed} "
        f"unconfirmed accounts, {done.strangers} accounts without a person."
    )
    if done.unlinked:
        out.print(f"{len(done.unlinked)} people without an account:")
    for email in done.unlinked[:SHOWN]:
        out.print(f"  {email}", markup=False)
    if len(done.unlinked) > SHOWN:
        out.print(f"  and {len(done.unlinked) - SHOWN} more")
