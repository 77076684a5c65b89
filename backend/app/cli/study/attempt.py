"""`training attempts`: quizzes whose time is up."""

import typer

from app.cli.environment import out, with_database
from app.core.database import Database
from app.services.context import SYSTEM
from app.services.study.attempt import AttemptService

cli = typer.Typer(no_args_is_help=True, help="Attempts at quizzes.")


@cli.command()
def close_overdue() -> None:
    """Grade the attempts that ran out of time and that nobody has looked at since."""

    async def use(database: Database) -> int:
        service = AttemptService(database, SYSTEM)
        total = 0
        while closed := await service.close_overdue():
            total += closed
        return total

    out.print(f"{with_database(use)} attempts closed and graded.")
