from sqlalchemy.ext.asyncio import AsyncSession

from app.core.concurrency import Precondition
from app.core.database import Database
from app.domain.actor import Actor, Role
from app.models import User
from app.schemas.people.merge import MergeCreate
from app.services.context import RequestContext
from app.services.people.merge import MergeService
from tests.factories.user import make_user
from tests.fakes.auth_admin import InMemoryAuthAdmin


async def make_merge(session: AsyncSession, database: Database, user: User, merged: User) -> None:
    """Merge two entries, as one admin proposes and another confirms."""
    admins = [await make_user(session, role=Role.ADMIN) for _ in range(2)]
    first, second = (
        MergeService(database, RequestContext(Actor(each.id, each.role)), InMemoryAuthAdmin())
        for each in admins
    )
    wanted = MergeCreate(user_id=user.id, merged_id=merged.id, reason="One person.")
    made = (await first.propose(wanted)).value
    await second.confirm(made.id, Precondition.parse(made.etag))
