from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.domain.actor import Role
from app.domain.compliance import EmploymentState
from app.models import EmploymentChange, Enrollment, Signature, TrainingModule, User
from tests.factories.module import make_module, publish
from tests.factories.user import make_user
from tests.planting import as_owner, plant

HIRED = date(2015, 2, 1)
LAST_DAY = date(2020, 6, 30)
COMPLETED = datetime(2019, 3, 10, 18, 0, tzinfo=UTC)


async def make_record(
    session: AsyncSession, user: User, module: TrainingModule, completed_at: datetime = COMPLETED
) -> None:
    """Let the database write the record of a completion at any time, with a signature."""
    await session.refresh(module)
    assert module.current_version_id is not None
    enrollment = await plant(
        session,
        Enrollment,
        user_id=user.id,
        module_id=module.id,
        version_id=module.current_version_id,
        source="self",
        status="completed",
        progress_percent=100,
        enrolled_at=completed_at,
        completed_at=completed_at,
    )
    await plant(
        session,
        Signature,
        enrollment_id=enrollment.id,
        section_id=module.sections[0].id,
        user_id=user.id,
        printed_name=user.full_name or "",
        meaning="I have read it.",
        document_sha256="0" * 64,
    )
    await as_owner(session, f"SELECT issue_training_record('{enrollment.id}', NULL, NULL)")
    await session.commit()


async def make_leaver(
    session: AsyncSession, database: Database, *, last_day: date = LAST_DAY, **fields: Any
) -> User:
    """Make somebody who left on `last_day`, with two records of 2019."""
    user = await make_user(session, hired_on=HIRED, **fields)
    for _ in range(2):
        module = await make_module(session)
        await publish(database, module)
        await make_record(session, user, module)
    session.add(
        EmploymentChange(
            user_id=user.id,
            effective_on=date.fromordinal(last_day.toordinal() + 1),
            recorded_on=last_day,
            state=EmploymentState.TERMINATED,
            role=Role.LEARNER,
            hired_on=HIRED,
        )
    )
    await session.flush()
    await session.execute(update(User).where(User.id == user.id).values(is_active=False))
    await session.commit()
    return user
