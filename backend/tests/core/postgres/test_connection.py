import socket

import asyncpg

from app.core.database import Database


async def test_the_kernel_watches_each_connection(committed_database: Database) -> None:
    """Else a server that vanished would be waited for until the statement's time is over."""
    async with committed_database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, asyncpg.Connection)
        watched = driver._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001  # no other way in
        assert watched.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert watched.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
