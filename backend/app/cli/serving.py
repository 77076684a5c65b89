"""`training serve`: the production server."""

import socket
from typing import Annotated

import structlog
import typer

from app.cli.environment import settings_or_exit
from app.cli.report import err

log = structlog.get_logger(__name__)

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
    with_worker: Annotated[  # noqa: FBT002  # an option
        bool,
        typer.Option("--with-worker", help="Do jobs as well, where no `training worker` runs."),
    ] = False,
) -> None:
    """Serve the API. Everything else is read from the environment and checked first."""
    # Every other command would keep the server in memory as well.
    import uvicorn  # noqa: PLC0415

    from app.cli.impatience import ImpatientProtocol  # noqa: PLC0415
    from app.cli.supervision import serve_alone, supervise  # noqa: PLC0415

    settings_or_exit()
    listener = _bound(host, port)
    config = uvicorn.Config(
        f"app.main:{'with_worker_' if with_worker else ''}from_environment",
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
    log.info("serving", host=host, port=port, workers=workers)
    serve_all = supervise if workers > 1 else serve_alone
    raise typer.Exit(serve_all(config, listener))


def _bound(host: str, port: int) -> socket.socket:
    """Take the address before anything starts; print one line and exit with 1 where that fails.

    Nobody can connect yet: the server listens once it can answer.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        err.print(f"{host}, port {port}: {error.strerror}", markup=False)
        raise typer.Exit(1) from None
    return listener
