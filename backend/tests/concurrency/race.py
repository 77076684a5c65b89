"""What the races have in common."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Iterable

import httpx
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Base, Database
from app.models import AuditEvent
from app.services.context import SYSTEM
from app.services.evidence.training_record import TrainingRecordService
from app.services.evidence.verification import Verification

ROUNDS = 20


async def race(calls: Iterable[Awaitable[httpx.Response]]) -> list[httpx.Response]:
    return await asyncio.gather(*calls)


def statuses(responses: Iterable[httpx.Response]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


async def count(session: AsyncSession, model: type[Base], *criteria: ColumnElement[bool]) -> int:
    return await session.scalar(select(func.count()).select_from(model).where(*criteria)) or 0


async def audited(session: AsyncSession, action: str) -> int:
    return await count(session, AuditEvent, AuditEvent.action == action)


async def verify(database: Database) -> Verification:
    return await TrainingRecordService(database, SYSTEM).verify()
