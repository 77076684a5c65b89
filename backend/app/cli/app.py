import typer

from app.cli import (
    attempts,
    audit_pack,
    bench,
    branch,
    development,
    idempotency_keys,
    media,
    openapi,
    realtime,
    records,
    requirements,
    retention,
    seeding,
    serving,
    users,
)

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.command("dev")(development.dev)
cli.command("serve")(serving.serve)
cli.command("seed")(seeding.seed)
cli.command("bench")(bench.bench)
cli.command("openapi")(openapi.openapi)
cli.command("audit-pack")(audit_pack.audit_pack)
cli.add_typer(users.cli, name="users")
cli.add_typer(records.cli, name="records")
cli.add_typer(requirements.cli, name="requirements")
cli.add_typer(attempts.cli, name="attempts")
cli.add_typer(media.cli, name="media")
cli.add_typer(retention.cli, name="retention")
cli.add_typer(idempotency_keys.cli, name="idempotency-keys")
cli.add_typer(realtime.cli, name="realtime")
cli.add_typer(branch.cli, name="branch")


@cli.callback()
def _training() -> None:
    """Staff training and compliance for a dental group."""


def main() -> None:
    cli()
