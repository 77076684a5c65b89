"""`training idempotency-keys`: answers that are kept for retries."""

from datetime import timedelta

import typer

from app.cli.environment import settings_or_exit, with_services
from app.cli.report import report
from app.services.factories import Services

cli = typer.Typer(no_args_is_help=True, help="Answers that are kept for retries.")


@cli.command()
def prune() -> None:
    """Forget the answers that are older than IDEMPOTENCY_HOURS."""
    kept = timedelta(hours=settings_or_exit().idempotency_hours)

    async def use(services: Services) -> int:
        return await services.idempotency_keys().prune(kept)

    forgotten = with_services(use)
    report({"forgotten": forgotten}, f"{forgotten} answers forgotten.")
