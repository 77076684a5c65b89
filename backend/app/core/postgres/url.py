"""Reads a PostgreSQL URL in any of the spellings that Supabase, its CLI and people use."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal
from urllib.parse import parse_qsl

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

TRANSACTION_MODE_PORT = 6543
_SOCKET_FOLDER: Final = "/var/run/postgresql"
DRIVER = "postgresql+asyncpg"
_SCHEMES = {"postgres", "postgresql"}
_DRIVERS = {"", "asyncpg", "psycopg", "psycopg2"}
_SSL_MODES = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}
_TRIED: Final[dict[str, Literal["allow", "prefer"]]] = {"allow": "allow", "prefer": "prefer"}
_FORM: Final = (
    "must look like postgresql://user:password@host:5432/database; in a password write "
    "@ as %40, : as %3A, / as %2F, ? as %3F, # as %23 and % as %25"
)
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

Tls = ssl.SSLContext | Literal["allow", "prefer"]
"""A TLS context, or one of libpq's modes that try both with and without encryption."""


class PoolerMode(StrEnum):
    """The pooler between the application and PostgreSQL; it limits which features may be used."""

    DIRECT = "direct"
    SESSION = "session"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A URL for SQLAlchemy with asyncpg, and what else the driver must be told."""

    url: URL
    mode: PoolerMode
    tls: Tls | None
    socket_folder: str | None = None
    """Where the server's Unix socket is, instead of a host."""

    @property
    def connect_args(self) -> dict[str, object]:
        """Arguments for `create_async_engine(connect_args=...)`.

        In transaction mode the next statement may run on another server connection, so nothing
        may be prepared: both caches must be 0 (one alone still fails or leaks statements).
        """
        arguments: dict[str, object] = {"ssl": self.tls if self.tls is not None else False}
        if self.socket_folder is not None:
            arguments["host"] = self.socket_folder
        if self.mode is PoolerMode.TRANSACTION:
            arguments |= {"statement_cache_size": 0, "prepared_statement_cache_size": 0}
        return arguments


def parse_database_url(
    text: str, *, pooler: PoolerMode | None = None, ca_file: str | None = None
) -> DatabaseUrl:
    """Read a URL; raise ValueError, which never holds the password, when it cannot be one.

    Query parameters of other clients (`connect_timeout`, `pgbouncer`, `supa`, ...) are dropped:
    SQLAlchemy with asyncpg raises TypeError on them. `sslmode` and `sslrootcert` become a TLS
    context.
    """
    base, _, query = text.strip().partition("?")
    options = {name: value.strip() for name, value in parse_qsl(query)}
    url, folder = _located(_read(base), options)
    sslmode = options.get("sslmode")
    if sslmode is not None and sslmode not in _SSL_MODES:
        msg = f"sslmode must be one of {', '.join(sorted(_SSL_MODES))}"
        raise ValueError(msg)
    tls = None if folder else _tls(url, sslmode, ca_file or options.get("sslrootcert"))
    return DatabaseUrl(url, pooler or _mode(url, options), tls, folder)


def _read(base: str) -> URL:
    scheme, separator, rest = base.partition("://")
    kind, _, driver = scheme.lower().partition("+")
    try:
        url = make_url(f"{DRIVER}{separator}{rest}")
    except (ArgumentError, ValueError):
        url = None
    is_ours = kind in _SCHEMES and driver in _DRIVERS
    # Without encoding, an @ in the password would make the rest of it a part of the host.
    if url is None or not is_ours or not url.database or "@" in (url.host or ""):
        raise ValueError(_FORM)
    return url


def _located(url: URL, options: dict[str, str]) -> tuple[URL, str | None]:
    """Return where the server is: at a host, or at a Unix socket in a folder, as for libpq."""
    host = url.host or options.get("host") or _SOCKET_FOLDER
    port = url.port or (int(options["port"]) if options.get("port", "").isdecimal() else None)
    if host.startswith("/"):
        return url.set(host=None, port=port), host
    return url.set(host=host, port=port), None


def _mode(url: URL, options: dict[str, str]) -> PoolerMode:
    if url.port == TRANSACTION_MODE_PORT or options.get("pgbouncer") == "true":
        return PoolerMode.TRANSACTION
    if ".pooler." in (url.host or ""):
        return PoolerMode.SESSION
    return PoolerMode.DIRECT


def _tls(
    url: URL, sslmode: str | None, ca_file: str | None
) -> ssl.SSLContext | Literal["allow", "prefer"] | None:
    """Verify against the project's CA when it is given; else encrypt as libpq's `require` does."""
    is_near = (url.host or "").lower() in _LOOPBACK
    if sslmode == "disable" or (sslmode is None and ca_file is None and is_near):
        return None
    if ca_file is None and (tried := _TRIED.get(sslmode or "")):
        return tried
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError:
        msg = "the file with the certificate authority cannot be read"
        raise ValueError(msg) from None
    if ca_file is None and sslmode not in {"verify-ca", "verify-full"}:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif sslmode == "verify-ca":
        context.check_hostname = False
    return context
