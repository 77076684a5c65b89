"""Structured logs: one event is one JSON line, without personal data or tokens."""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import PurePath
from typing import Any

import orjson
import structlog

_QUIET = ("uvicorn.access", "httpx", "httpcore", "pgqueuer", "sqlalchemy.engine")


def _render(_logger: object, _name: str, event: MutableMapping[str, Any]) -> str:
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:
        # orjson refuses lone surrogates and integers beyond 64 bits. Logging must not raise because
        # of them, since that would fail the request that is being logged.
        return json.dumps(event, default=str, skipkeys=True)


def name_error(
    _logger: object, _name: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Replace an exception by its class and innermost frames: its message may quote what was sent.

    SQLAlchemy's quote the parameters of a statement, and the server's the values of a row.
    """
    error = event.pop("exc_info", None)
    if error and not isinstance(error, BaseException):
        error = (sys.exc_info() if error is True else error)[1]
    if error:
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        event["kind"] = type(error).__name__
        event["where"] = [f"{PurePath(it.filename).name}:{it.lineno} {it.name}" for it in frames]
    return event


_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    name_error,
]


def configure_logging(level: str = "INFO", *, for_people: bool = False) -> None:
    """Send structlog's and the libraries' events to standard error.

    They are JSON lines, or else aligned and coloured lines for people.
    """
    render = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if for_people else _render
    structlog.configure(
        processors=[*_SHARED, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
