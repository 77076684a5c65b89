"""`training serve`: the production server."""

from typing import Annotated

import typer
import uvicorn

from app.cli.environment import settings_or_exit
from app.cli.impatience import ImpatientProtocol
from app.cli.supervision import serve_alone, supervise

GRACE_SECONDS = 30
KEEP_ALIVE_SECONDS = 75


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    workers: Annotated[
        int, typer.Option(min=1, max=64, envvar="WEB_CONCURRENCY", help="Server processes.")
    ] = 1,
    proxies: Annotated[
        str,
        typer.Option(
            envvar="FORWARDED_ALLOW_IPS",
            help="Addresses and networks whose X-Forwarded-* headers are believed, or *.",
        ),
    ] = "127.0.0.1",
) -> None:
    """Serve the API. Everything else is read from the environment and checked first."""
    settings_or_exit()
    config = uvicorn.Config(
        "app.main:from_environment",
        factory=True,
        host=host,
        port=port,
        workers=workers,
        loop="uvloop",
        http=ImpatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    raise typer.Exit(supervise(config) if workers > 1 else serve_alone(config))
