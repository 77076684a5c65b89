"""Opens connections that notice when the server cannot be reached any more."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.util.concurrency import in_greenlet

log = structlog.get_logger(__name__)

CLOSE_SECONDS: Final = 2.0
"""How long closing may take. A server that cannot be reached never answers the goodbye."""

# With these options the kernel ends a connection after 25 s without any answer from the server, or
# 20 s after the first byte that the server does not acknowledge. Platforms that lack an option wait
# for the driver's time limit of the statement instead.
_SOCKET_OPTIONS: Final[Mapping[str, int]] = {
    "TCP_KEEPIDLE": 10,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 20_000,
}


class NotConnectedError(ConnectionError):
    """No connection could be opened. The cause is what the server or the driver said."""


class WatchedConnection(asyncpg.Connection):
    """A connection with TCP keepalive, and with a time limit on closing."""

    def __init__(
        self,
        protocol: Any,  # noqa: ANN401  # as in asyncpg
        transport: asyncio.Transport,
        *arguments: Any,  # noqa: ANN401  # as in asyncpg
        **options: Any,  # noqa: ANN401  # as in asyncpg
    ) -> None:
        super().__init__(protocol, transport, *arguments, **options)
        _watch(transport)

    async def close(self, *, timeout: float | None = CLOSE_SECONDS) -> None:  # noqa: ASYNC109  # as in asyncpg
        try:
            # The driver's own limit does not include the time it waits for the statement that it
            # cancels.
            async with asyncio.timeout(timeout):
                await super().close(timeout=timeout)
        except TimeoutError:
            self.terminate()


def _watch(transport: asyncio.Transport) -> None:
    shown = transport.get_extra_info("socket")
    if shown is None or shown.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    # uvloop returns an object without setsockopt. This duplicates the file descriptor, and options
    # that are set on the duplicate apply to the same socket.
    with socket.fromfd(shown.fileno(), shown.family, socket.SOCK_STREAM) as watched:
        watched.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _SOCKET_OPTIONS.items():
            if (option := getattr(socket, name, None)) is not None:
                watched.setsockopt(socket.IPPROTO_TCP, option, value)


Credentials = tuple[str | None, str | None]
"""A user and a password."""


class Connector:
    """Opens connections; reads the credentials again when those that it has are refused."""

    def __init__(self, reread: Callable[[], Credentials] | None = None) -> None:
        """`reread` reads the present credentials from their file."""
        self._reread = reread
        self._current: dict[str, str | None] = {}

    def __call__(self, **arguments: Any) -> Awaitable[asyncpg.Connection]:  # noqa: ANN401  # the driver's own
        """Connect; raise NotConnectedError when the server or the driver refuses.

        The pool calls this in a greenlet. Outside of one it raises MissingGreenlet.
        """
        if not in_greenlet():
            raise MissingGreenlet
        return self._translated(arguments)

    async def _translated(self, arguments: dict[str, Any]) -> asyncpg.Connection:
        try:
            return await self._connect(arguments)
        except (
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            raise NotConnectedError(str(error)) from error

    async def _connect(self, arguments: dict[str, Any]) -> asyncpg.Connection:
        tried = self._current
        try:
            return await _open(arguments | tried)
        except asyncpg.InvalidAuthorizationSpecificationError:
            await self._renew()
            if self._current == tried:
                raise
        return await _open(arguments | self._current)

    async def _renew(self) -> None:
        if self._reread is None:
            return
        try:
            user, password = await asyncio.to_thread(self._reread)
        except (OSError, ValueError) as error:
            # Somebody may be writing the file at this moment. The caller gets the error with which
            # the server refused the old credentials.
            log.warning("credentials_not_read", reason=type(error).__name__)
        else:
            self._current = {"user": user, "password": password}


async def _open(arguments: Mapping[str, Any]) -> asyncpg.Connection:
    return await asyncpg.connect(**arguments, connection_class=WatchedConnection)
