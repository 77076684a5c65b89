"""One normaliser for every spelling of a PostgreSQL URL that Supabase, its CLI and people use."""

import ssl
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qsl

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

TRANSACTION_MODE_PORT = 6543
DRIVER = "postgresql+asyncpg"
_SCHEMES = {"postgres", "postgresql", "postgresql+asyncpg"}
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class PoolerMode(StrEnum):
    """What stands between us and PostgreSQL: it decides which features may be used."""

    DIRECT = "direct"
    SESSION = "session"
    TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """A URL for SQLAlchemy with asyncpg, and what else the driver must be told."""

    url: URL
    mode: PoolerMode
    tls: ssl.SSLContext | None

    @property
    def connect_args(self) -> dict[str, object]:
        """Arguments for `create_async_engine(connect_args=...)`.

        In transaction mode the next statement may run on another server connection, so nothing
        may be prepared: both caches must be 0 (one alone still fails or leaks statements).
        """
        arguments: dict[str, object] = {"ssl": self.tls if self.tls is not None else False}
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
    base, _, query = text.partition("?")
    try:
        url = make_url(base)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _SCHEMES or not url.host or not url.database:
        msg = "must look like postgresql://user:password@host:5432/database"
        raise ValueError(msg)
    options = dict(parse_qsl(query))
    return DatabaseUrl(
        url=url.set(drivername=DRIVER, query={}),
        mode=pooler or _mode(url, options),
        tls=_tls(url, options.get("sslmode"), ca_file or options.get("sslrootcert")),
    )


def _mode(url: URL, options: dict[str, str]) -> PoolerMode:
    if url.port == TRANSACTION_MODE_PORT or options.get("pgbouncer") == "true":
        return PoolerMode.TRANSACTION
    if ".pooler." in (url.host or ""):
        return PoolerMode.SESSION
    return PoolerMode.DIRECT


def _tls(url: URL, sslmode: str | None, ca_file: str | None) -> ssl.SSLContext | None:
    """Verify against the project's CA when it is given; else encrypt as libpq's `require` does."""
    if sslmode == "disable" or (sslmode is None and ca_file is None and url.host in _LOOPBACK):
        return None
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
