"""The tables of the queue are those that the installed PgQueuer would make."""

import asyncio
import re

import asyncpg
from pgqueuer.db import AsyncpgDriver

from app.core.postgres.queue import queue_on
from devstack.postgres import EmbeddedPostgres

OURS = ["CREATE TABLE public.job_schedules", "CREATE OR REPLACE FUNCTION public.announce_jobs()"]
"""Schedules are a table of our own, and who is told of a new job is decided by our function."""


async def planned(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return list((await queue_on(AsyncpgDriver(connection)).plan_upgrade()).statements)
    finally:
        await connection.close()


def test_pgqueuer_would_change_nothing(postgres: EmbeddedPostgres, template: str) -> None:
    statements = asyncio.run(planned(postgres.dsn(template)))
    heads = [re.split(r" \(| RETURNS", statement)[0] for statement in statements]
    assert heads == OURS
