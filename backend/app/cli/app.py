from typing import Annotated

import typer

from app.cli import (
    bench,
    development,
    idempotency_key,
    openapi,
    serving,
)
from app.cli.compliance import (
    requirement,
)
from app.cli.content import (
    media,
    seed,
)
from app.cli.environment import entry_point
from app.cli.evidence import (
    audit_pack,
    retention,
    training_record,
)
from app.cli.outreach import (
    job,
    worker,
)
from app.cli.people import (
    user,
)
from app.cli.report import Form, form
from app.cli.study import (
    attempt,
    realtime,
)

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
cli.command("serve")(serving.serve)
cli.command("worker")(worker.worker)
cli.command("seed")(seed.seed)
cli.command("bench")(bench.bench)
cli.command("openapi")(openapi.openapi)
cli.command("audit-pack")(audit_pack.audit_pack)
cli.command("verify")(audit_pack.verify)
cli.add_typer(development.cli, name="dev")
cli.add_typer(user.cli, name="users")
cli.add_typer(training_record.cli, name="records")
cli.add_typer(requirement.cli, name="requirements")
cli.add_typer(attempt.cli, name="attempts")
cli.add_typer(media.cli, name="media")
cli.add_typer(retention.cli, name="retention")
cli.add_typer(idempotency_key.cli, name="idempotency-keys")
cli.add_typer(job.cli, name="jobs")
cli.add_typer(realtime.cli, name="realtime")


@cli.callback()
def _training(
    context: typer.Context,
    json: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--json", help="Tell results as one line of JSON.")
    ] = False,
    quiet: Annotated[  # noqa: FBT002  # typer reads options from parameters
        bool, typer.Option("--quiet", help="Tell nothing but what is wrong.")
    ] = False,
) -> None:
    """Staff training and compliance for a dental group.

    Ends with 0 when all is well, 1 when something has to be looked at, 2 when it was called or set
    up wrongly.
    """
    entry_point.set(context.obj)
    form.set(Form.JSON if json else Form.NOTHING if quiet else Form.LINES)
