from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.database import Database
from app.models import Enrollment, ModuleVersion, User
from app.services.context import RequestContext
from app.services.study.content_cache import ContentCache
from app.services.study.enrollment import EnrollmentService
from app.services.study.learner_content import LearnerContents
from tests.factories.module import make_module
from tests.planting import plant

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def enrollment_service(
    database: Database, context: RequestContext, *, cache_bytes: int = 0
) -> EnrollmentService:
    contents = LearnerContents(database, ContentCache(cache_bytes))
    return EnrollmentService(database, context, contents)


async def make_version(store: AsyncSession) -> ModuleVersion:
    """Make a version row by row, as portable tests need it."""
    module = await make_module(store)
    version = ModuleVersion(
        module_id=module.id,
        number=1,
        title=module.title,
        language="en",
        content=b"{}",
        content_sha256="0" * 64,
        answer_key_sha256="0" * 64,
        outline=[],
    )
    if store.get_bind().dialect.name == "sqlite":
        # SQLite has no clock_timestamp(). On PostgreSQL only the database may set this time.
        version.created_at = NOW
    store.add(version)
    await store.flush()
    return version


async def make_enrollment(store: AsyncSession, user: User, **fields: Any) -> Enrollment:
    version = fields.pop("version", None) or await make_version(store)
    fields |= {"user_id": user.id, "module_id": version.module_id, "version_id": version.id}
    stamped = {"completed_at", "progress_percent"} & fields.keys()
    if stamped and store.get_bind().dialect.name != "sqlite":
        return await plant(store, Enrollment, **{"source": "self", "progress_percent": 0, **fields})
    enrollment = Enrollment(**fields)
    store.add(enrollment)
    await store.flush()
    return enrollment
