from app.core.database import Database
from app.services.context import RequestContext
from app.services.study.content_cache import ContentCache
from app.services.study.enrollment import EnrollmentService
from app.services.study.learner_content import LearnerContents


def enrollment_service(
    database: Database, context: RequestContext, *, cache_bytes: int = 0
) -> EnrollmentService:
    contents = LearnerContents(database, ContentCache(cache_bytes))
    return EnrollmentService(database, context, contents)
