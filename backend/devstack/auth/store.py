from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import asyncpg

from devstack.auth.factors import Factors
from devstack.auth.schema import DDL
from devstack.auth.sessions import OneTimeTokens, Sessions
from devstack.auth.users import Users
from devstack.database import open_pool


class AuthStore:
    """The state of the stand-in, in the schema `auth` of the embedded PostgreSQL."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self.users = Users(pool)
        self.sessions = Sessions(pool)
        self.one_time_tokens = OneTimeTokens(pool)
        self.factors = Factors(pool)

    @classmethod
    @asynccontextmanager
    async def open(cls, dsn: str, *, max_connections: int = 4) -> AsyncIterator[Self]:
        """Connect as a role that may create schemas, and create the tables that are missing."""
        async with open_pool(dsn, DDL, max_connections=max_connections) as pool:
            yield cls(pool)
