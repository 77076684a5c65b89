import itertools
import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Location, User
from app.repositories.people.job_title import JobTitleRepository

_serial = itertools.count(1)


async def make_user(session: AsyncSession, **fields: Any) -> User:
    """Make an active learner who has signed in before, unless `fields` say otherwise."""
    number = next(_serial)
    title = fields.pop("job_title", None)
    user = User(
        **{
            "job_title_id": title and await _job_title(session, title),
            "supabase_id": uuid.uuid4(),
            "email": f"person{number}@unified.example",
            "full_name": f"Person {number}",
            "email_confirmed": True,
            # In the future, so that a test's first request is not a new sign-in to record.
            "last_sign_in": datetime(2100, 1, 1, tzinfo=UTC),
            **fields,
        }
    )
    session.add(user)
    await session.commit()
    await session.refresh(user)
    # No transaction stays open: the server would end it while a long test does other things.
    await session.commit()
    return user


async def _job_title(session: AsyncSession, name: str) -> uuid.UUID:
    words = JobTitleRepository(session)
    title = await words.spelled(name) or await words.make(name, confirmed=True)
    assert title is not None
    return title.id


async def make_location(session: AsyncSession, **fields: Any) -> Location:
    number = next(_serial)
    location = Location(
        **{"name": f"Office {number}", "time_zone": "America/Los_Angeles", **fields}
    )
    session.add(location)
    await session.commit()
    return location
