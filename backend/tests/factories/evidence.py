from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.domain.content.section_settings import SectionKind
from app.models import Attendance, LiveSession, ModuleSection, TrainingModule, User
from tests.factories.module import text_section
from tests.planting import unguarded


def live_section(**fields: Any) -> ModuleSection:
    section = text_section(**fields)
    section.kind = SectionKind.LIVE_SESSION
    return section


async def make_live_session(
    session: AsyncSession, module: TrainingModule, created_by: User, *attendees: User, **fields: Any
) -> LiveSession:
    """Make a session that began in the past for the module's first live section.

    Unless `fields` say when, each is a day later than the last: a person's time counts only once.
    """
    section_id = next(part.id for part in module.sections if part.kind == "live_session")
    earlier = await session.scalar(select(func.count()).select_from(LiveSession)) or 0
    live = LiveSession(
        **{
            "module_id": module.id,
            "section_id": section_id,
            "starts_at": datetime(2026, 1, 15, 17, 0, tzinfo=UTC) + timedelta(days=earlier),
            "duration_minutes": 90,
            "place": "Training room",
            "instructor_name": "Ivy Instructor",
            "instructor_qualification": "RN, infection control",
            "created_by_id": created_by.id,
            **fields,
        }
    )
    async with unguarded(session):
        session.add(live)
    session.add_all(Attendance(session_id=live.id, user_id=user.id) for user in attendees)
    await session.commit()
    return live
