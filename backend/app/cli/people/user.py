"""`training users`: roles, and the comparison with the accounts in Supabase."""

from typing import Annotated

import typer

from app.cli.environment import with_services
from app.cli.report import progress, report
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
    """Give a person a role. The first admin has to be made with this command."""

    async def use(services: Services) -> dict[str, str | None]:
        user = await services.users(SYSTEM).promote(email, role)
        return {"email": user.email, "role": user.role}

    made = with_services(use)
    report(made, f"{made['email']} is now {made['role']}.")


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
        with progress() as bar:
            task = bar.add_task("Accounts", total=None)
            return await services.account_sync().run(
                dry_run=dry_run,
                confirmed=confirm,
                progress=lambda count: bar.update(task, completed=count),
            )

    _print(with_services(use), "would be" if dry_run else "were")


def _print(done: AccountsSynced, verb: str) -> None:
    followed = (
        f"{done.accounts} accounts, {done.people} people with one. "
        f"{done.deactivated} people {verb} deactivated, {done.emails_changed} addresses {verb} "
        f"changed and {done.confirmed} confirmed."
    )
    left_alone = (
        f"Left alone: {done.held_back} addresses that others have, {done.unconfirmed} "
        f"unconfirmed accounts, {done.strangers} accounts without a person."
    )
    lines = [followed, left_alone]
    if done.given_up:
        lines += [f"{done.given_up} accounts that were given up are still to be removed."]
    if done.apart:
        lines += [f"{done.apart} accounts are still to be given the address that we have."]
    if done.unlinked:
        lines += [f"{len(done.unlinked)} people without an account:"]
    lines += [f"  {email}" for email in done.unlinked[:SHOWN]]
    if len(done.unlinked) > SHOWN:
        lines += [f"  and {len(done.unlinked) - SHOWN} more"]
    report(done, *lines)
