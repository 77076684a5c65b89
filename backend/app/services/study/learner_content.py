"""What a version shows its learners, as it was frozen; and at their offices, where it says so."""

import re
import uuid
from dataclasses import dataclass

import orjson

from app.core.auth.security import Claims
from app.core.database import Database
from app.core.postgres.batching import Batcher
from app.domain.content.site_fact import OfficeView, content_at
from app.repositories.people.caller import Caller
from app.repositories.study.study import ContentQuestion, PinnedContent, StudyRepository
from app.services.study.content_cache import ContentCache

_ETAG = re.compile('"[0-9a-f]{64}"')


@dataclass(frozen=True, slots=True)
class LearnerContent:
    """`body` is None when the client's copy is current. `etag` is quoted."""

    etag: str
    superseded_by: int | None
    body: bytes | None


class LearnerContents:
    """One per process: callers with claims that ask at the same time share one statement."""

    def __init__(self, database: Database, cache: ContentCache) -> None:
        self._study = StudyRepository(database.read)
        self._together = Batcher(self._study.contents)
        self._cache = cache

    async def read(
        self, caller: Caller, enrollment_id: uuid.UUID, known_etags: frozenset[str]
    ) -> LearnerContent | None:
        """Return the pinned version's content; access is checked before any cached answer."""
        held_version, held_body = self._cache.get(enrollment_id) or (None, None)
        held_hashes = [etag[1:-1] for etag in known_etags if _ETAG.fullmatch(etag)]
        pinned = await self._ask(caller, enrollment_id, held_version, held_hashes)
        if pinned is None:
            return None
        etag = f'"{pinned.sha256}"'
        if etag in known_etags or "*" in known_etags:
            return LearnerContent(etag, pinned.superseded_by, None)
        if pinned.body is not None:
            self._cache.put(enrollment_id, pinned.version_id, pinned.body)
        body = pinned.body or held_body
        if body is not None and pinned.view is not None:
            body = self._at_offices(pinned, body, orjson.loads(pinned.view))
        return LearnerContent(etag, pinned.superseded_by, body)

    def _at_offices(self, pinned: PinnedContent, body: bytes, view: OfficeView) -> bytes:
        return self._cache.shown(pinned.sha256, lambda: content_at(body, view))

    async def _ask(
        self,
        caller: Caller,
        enrollment_id: uuid.UUID,
        held_version: uuid.UUID | None,
        held_hashes: list[str],
    ) -> PinnedContent | None:
        held = (enrollment_id, held_version, held_hashes)
        if isinstance(caller, Claims):
            return await self._together.ask(ContentQuestion(caller, *held))
        return await self._study.content(ContentQuestion(caller, *held))
