"""`training users`: what an operator does to the directory."""

from typing import Annotated

import typer

from app.cli.environment import out, with_database
from app.core.database import Database
from app.domain.actor import Role
from app.services.context import SYSTEM
from app.services.user import UserService

cli = typer.Typer(no_args_is_help=True, help="The staff directory.")


@cli.callback()
def _users() -> None:
    """Keep `promote` a subcommand while it is the only one."""


@cli.command()
def promote(
    email: Annotated[str, typer.Argument(help="Address of an active person.")],
    role: Annotated[Role, typer.Option(help="The role to give.")] = Role.ADMIN,
) -> None:
    """Give a person a role; this is how the first admin is made."""

    async def use(database: Database) -> None:
        user = await UserService(database, SYSTEM).promote(email, role)
        out.print(f"{user.email} is now {user.role}.", markup=False)

    with_database(use)
