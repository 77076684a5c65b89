"""`training attempts`: grades attempts at quizzes whose time has run out."""

import typer

from app.cli.environment import with_services
from app.cli.report import report
from app.services.context import SYSTEM
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Attempts at quizzes.")


@cli.command()
def close_overdue() -> None:
    """Grade the attempts whose time has run out and that have not been graded yet.

    An attempt is also graded when somebody reads it; this command grades the others.
    """

    async def use(services: Services) -> int:
        service = services.attempts(SYSTEM)
        total = 0
        while closed := await service.close_overdue():
            total += closed
        return total

    closed = with_services(use)
    report({"closed": closed}, f"{closed} attempts closed and graded.")
