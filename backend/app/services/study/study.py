"""What learners do all day: one statement each, which finds the caller as well.

The answers here are those of EnrollmentService, which uses the same functions. `StudyService` gives
them for a verified token, and None where there is more to decide: no such row, an account to mend,
an error to explain, a completion to reckon with. Then nothing is lost, or done that may not be done
again: the caller goes the ordinary way.
"""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from app.core.auth.security import Claims
from app.core.database import Database
from app.core.postgres.batching import Batcher
from app.models.study.enrollment import EnrollmentSource, EnrollmentStatus
from app.repositories.people.caller import Caller
from app.repositories.study.study import (
    CallerT,
    ContentQuestion,
    EnrollmentFacts,
    PinnedContent,
    Report,
    StudyRepository,
)
from app.schemas.study.enrollment import EnrollmentRead, ModuleReference, ProgressReport
from app.services.outcome import Outcome
from app.services.study.content_cache import ContentCache

_ETAG = re.compile('"[0-9a-f]{64}"')


@dataclass(frozen=True, slots=True)
class LearnerContent:
    """`body` is None when the client's copy is current. `etag` is quoted."""

    etag: str
    body: bytes | None


class StudyService:
    """One per process."""

    def __init__(self, database: Database, cache: ContentCache) -> None:
        self._study = StudyRepository(database.fetch)
        self._reads = StudyRepository(database.read)
        self._contents = Batcher(self._reads.contents)
        self._cache = cache

    async def content(
        self, caller: Claims, enrollment_id: uuid.UUID, known_etags: frozenset[str]
    ) -> LearnerContent | None:
        return await content(self._contents.ask, self._cache, caller, enrollment_id, known_etags)

    async def first_page(self, caller: Claims, limit: int) -> bytes | None:
        page = await first_page(self._reads, caller, limit)
        return page if page != EMPTY_PAGE else None

    async def enroll(
        self, caller: Claims, module_id: uuid.UUID, request_id: str | None
    ) -> Outcome | None:
        admission = await self._study.enroll(caller, module_id, request_id)
        return enrolled(admission.created) if admission.created else None

    async def report_progress(
        self,
        caller: Claims,
        enrollment_id: uuid.UUID,
        section_id: uuid.UUID,
        payload: ProgressReport,
        request_id: str | None,
    ) -> str | None:
        text = await self._study.report_progress(
            caller, enrollment_id, section_id, report_of(payload), request_id
        )
        if text is None:
            return None
        state = orjson.loads(text)
        done = "error" in state or state["enrollment"]["status"] != EnrollmentStatus.ACTIVE
        return None if done else text


async def content(
    ask: Callable[[ContentQuestion[CallerT]], Awaitable[PinnedContent | None]],
    cache: ContentCache,
    caller: CallerT,
    enrollment_id: uuid.UUID,
    known_etags: frozenset[str],
) -> LearnerContent | None:
    """Return the pinned version's content; access is checked before any cached answer."""
    held_version, held_body = cache.get(enrollment_id) or (None, None)
    held_hashes = [etag[1:-1] for etag in known_etags if _ETAG.fullmatch(etag)]
    pinned = await ask(ContentQuestion(caller, enrollment_id, held_version, held_hashes))
    if pinned is None:
        return None
    etag = f'"{pinned.sha256}"'
    if etag in known_etags or "*" in known_etags:
        return LearnerContent(etag, None)
    if pinned.body is not None:
        cache.put(enrollment_id, pinned.version_id, pinned.body)
    return LearnerContent(etag, pinned.body or held_body)


async def first_page(study: StudyRepository, caller: Caller, limit: int) -> bytes:
    page = await study.first_page(caller, limit)
    body = {"items": page.items, "next_cursor": page.next_cursor}
    return orjson.dumps(body, option=orjson.OPT_UTC_Z)


EMPTY_PAGE = orjson.dumps({"items": [], "next_cursor": None})


def report_of(payload: ProgressReport) -> Report:
    return Report(payload.seconds_spent, payload.position, payload.completed)


def enrolled(facts: EnrollmentFacts) -> Outcome:
    read = EnrollmentRead(
        id=facts.id,
        user_id=facts.user_id,
        module=ModuleReference(
            id=facts.module_id, title=facts.module_title, category=facts.module_category
        ),
        version=facts.version,
        status=EnrollmentStatus(facts.status),
        source=EnrollmentSource(facts.source),
        progress_percent=facts.progress_percent,
        due_on=facts.due_on,
        enrolled_at=facts.enrolled_at,
        completed_at=facts.completed_at,
    )
    return Outcome.of(read, created=True, location=f"/enrollments/{read.id}")
