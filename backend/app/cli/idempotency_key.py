"""`training idempotency-keys`: answers that are kept for retries."""

from datetime import timedelta

import typer

from app.cli.environment import out, settings_or_exit, with_database
from app.core.database import Database
from app.services.idempotency_key import IdempotencyKeyService

cli = typer.Typer(no_args_is_help=True, help="Answers that are kept for retries.")


@cli.command()
def prune() -> None:
    """Forget the answers that are older than IDEMPOTENCY_HOURS."""
    kept = timedelta(hours=settings_or_exit().idempotency_hours)

    async def use(database: Database) -> int:
        return await IdempotencyKeyService(database).prune(kept)

    out.print(f"{with_database(use)} answers forgotten.")
