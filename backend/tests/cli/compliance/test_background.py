"""A process that is killed while it reconciles in the background loses and repeats nothing."""

import asyncio
import os
import signal

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import ComplianceSegment, User
from app.services.compliance.reconciliation import INLINE_PEOPLE, ReconciliationService
from app.services.context import SYSTEM
from tests.cli.processes import PATIENCE_SECONDS
from tests.cli.serving import Server, serve
from tests.factories.module import make_module, publish
from tests.factories.requirement import rule_json
from tests.support import LocalKeys

pytestmark = pytest.mark.full

PEOPLE = INLINE_PEOPLE + 500
_PEOPLE = text(
    """
    INSERT INTO users (email, role) SELECT 'staff' || n || '@unified.example', 'learner'
      FROM generate_series(1, :people) AS n
    """
)


async def until_done(server: Server, admin: User, share: float) -> None:
    """Wait until more than this share of people is worked out; with 1, until nobody is left."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await server.client.get("/reports/compliance", headers=server.bearer(admin))
            found = answer.json()["reconciling"]
            if not found or found[0]["share"] > share:
                return
            await asyncio.sleep(0.01)


async def test_kill_9_in_the_middle(
    committed_database: Database, session: AsyncSession, keys: LocalKeys, admin: User
) -> None:
    await session.execute(_PEOPLE, {"people": PEOPLE})
    await session.commit()
    module = await make_module(session)
    await publish(committed_database, module)
    body = {"title": "Hand hygiene", "rule": rule_json(module.id), "confirm": True}
    async with serve(committed_database, keys, workers=2, with_worker=True) as server:
        made = await server.client.post("/requirements", headers=server.bearer(admin), json=body)
        assert made.json()["reconciling"] == 0
        await until_done(server, admin, 0)
        os.killpg(server.process.pid, signal.SIGKILL)
        await server.process.wait()
    done = select(func.count(ComplianceSegment.user_id.distinct()))
    assert 0 < (await session.scalar(done) or 0) <= PEOPLE
    async with serve(committed_database, keys, with_worker=True) as server:
        await until_done(server, admin, 1)
    assert await session.scalar(done) == PEOPLE + 1
    assert (await ReconciliationService(committed_database, SYSTEM).run()).changed == 0
