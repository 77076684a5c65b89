"""The most frequent requests of learners, each in one statement on the driver.

Through a session the same answers take 1.5 to 3 ms more of processor time, mostly for building
statements and entities (docs/performance.md). tests/repositories/study/test_study.py checks that
both ways give the same answers. Each statement also looks up the caller
(repositories/people/caller.py).
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import asyncpg
import orjson

from app.core.auth.security import Claims
from app.core.database import Fetch
from app.core.ids import new_id
from app.core.pagination import Page, encode_cursor
from app.domain.actor import Actor, Role
from app.repositories.people.caller import Caller, named_by, run_for
from app.repositories.study.enrolling import CREATION_EVENT, creation
from app.repositories.study.enrollment import ENROLLMENT_ORDERS
from app.repositories.study.enrollment_item import (
    ITEM,
    EnrollmentItem,
    enrollment_item,
    superseded_by,
)


@dataclass(frozen=True, slots=True)
class Admission:
    """The new or open enrollment, or the reason for which there is none."""

    created: EnrollmentItem | None
    module_exists: bool
    prerequisites_missing: list[uuid.UUID]


CallerT = TypeVar("CallerT", bound=Caller)


@dataclass(frozen=True, slots=True)
class ContentQuestion(Generic[CallerT]):
    """A question for the content of an enrollment, and the version that the caller has already."""

    caller: CallerT
    enrollment_id: uuid.UUID
    held_version: uuid.UUID | None
    held_hashes: Sequence[str]


@dataclass(frozen=True, slots=True)
class PinnedContent:
    """`body` is None where the caller has this version already."""

    version_id: uuid.UUID
    sha256: str
    """Of the content; for content by office, of that hash and of `view`."""

    superseded_by: int | None
    view: str | None
    """What of the person's offices it shows, as JSON; None for content that is everybody's."""

    body: bytes | None


@dataclass(frozen=True, slots=True)
class Report:
    """A learner's own report. `seconds` is the total so far in this section."""

    seconds: int
    position: float
    completed: bool


@dataclass(frozen=True, slots=True)
class Reported:
    actor: Actor
    """The id of the caller."""

    state: str
    """The new state as JSON, or `{"error": code}`."""


# One statement checks prerequisites, inserts the row and writes the audit event. ON CONFLICT
# decides races.
_ENROLL = f"""
    , module AS (
        SELECT m.id, m.current_version_id
          FROM training_modules m
         WHERE m.id = $2 AND m.status = 'published' AND m.deleted_at IS NULL
    ), missing AS (
        SELECT p.requires_id
          FROM module_prerequisites p JOIN module ON module.id = p.module_id
         WHERE NOT EXISTS (
            SELECT FROM enrollments e
             WHERE e.user_id IN (SELECT u.id FROM users u, caller c
                                  WHERE u.id = c.id OR u.merged_into_id = c.id)
               AND e.module_id = p.requires_id
               AND e.status = 'completed')
    ), asker AS (
        SELECT 'self' AS source, id AS actor_id, $4::text AS request_id FROM caller
    ), wanted AS (
        SELECT $3::uuid AS id, caller.id AS user_id, module.id AS module_id,
               current_version_id AS version_id, NULL::date AS due_on
          FROM caller, module
         WHERE NOT EXISTS (SELECT FROM missing)
    ), created AS ({creation()}), audited AS ({CREATION_EVENT})
    SELECT EXISTS (SELECT FROM module) AS module_exists,
           coalesce((SELECT array_agg(requires_id) FROM missing), '{{}}') AS missing,
           {ITEM}
      FROM caller
      LEFT JOIN audited ON true
      LEFT JOIN created e ON true
      LEFT JOIN module_versions v ON v.id = e.version_id
"""  # noqa: S608  # made of constants

# Over `enrollments e` and `module_versions v`.
_SHOWN = """
    CROSS JOIN LATERAL (SELECT CASE WHEN v.by_office THEN office_view(e.id) END AS view) AS held
    CROSS JOIN LATERAL (
        SELECT CASE WHEN held.view IS NULL THEN v.content_sha256
                    ELSE sha256_hex(v.content_sha256 || held.view) END AS sha256) AS shown
"""

# The body is not sent when the process or the client has that version already.
_CONTENT = f"""
    SELECT v.id, shown.sha256, {superseded_by("e", "v")}, held.view,
           CASE WHEN v.id IS DISTINCT FROM $3 AND shown.sha256 <> ALL ($4::text[])
                THEN v.content END
      FROM enrollments e JOIN module_versions v ON v.id = e.version_id {_SHOWN}
     WHERE e.id = $2 AND e.user_id = (SELECT id FROM caller)
"""  # noqa: S608  # made of constants

# The same for many callers at once; with eight of them it takes a fifth of the time for each. The
# callers come as JSON, because PostgreSQL would make a new plan for each length of an array.
_CONTENTS = f"""
    SELECT asked.place, found.*
      FROM ROWS FROM (json_to_recordset($1::json) AS (
               subject uuid, signed_in_at timestamptz, email text,
               enrollment_id uuid, held_version uuid, held_hashes text[]))
           WITH ORDINALITY AS asked
           (subject, signed_in_at, email, enrollment_id, held_version, held_hashes, place)
      JOIN LATERAL (
           SELECT v.id, shown.sha256, {superseded_by("e", "v")}, held.view,
                  CASE WHEN v.id IS DISTINCT FROM asked.held_version
                        AND shown.sha256 <> ALL (asked.held_hashes)
                       THEN v.content END
             FROM users u
             JOIN enrollments e ON e.user_id = u.id AND e.id = asked.enrollment_id
             JOIN module_versions v ON v.id = e.version_id {_SHOWN}
            WHERE {named_by("asked.subject", "asked.signed_in_at", "asked.email")}
            LIMIT 1) AS found ON true
"""  # noqa: S608  # made of constants

_NEWEST = ENROLLMENT_ORDERS.names[0]

# Returned as columns, because building the JSON in PostgreSQL takes over twice as long as orjson.
_FIRST_PAGE = f"""
    SELECT {ITEM}
      FROM enrollments e JOIN module_versions v ON v.id = e.version_id
     WHERE e.user_id = ANY (ARRAY(
               SELECT id FROM caller
                UNION ALL SELECT u.id FROM users u JOIN caller ON u.merged_into_id = caller.id))
     ORDER BY e.enrolled_at DESC, e.id DESC
     LIMIT $2
"""  # noqa: S608  # made of constants

_OPEN = f"""
    SELECT {ITEM}
      FROM enrollments e JOIN module_versions v ON v.id = e.version_id
     WHERE e.user_id = (SELECT id FROM caller) AND e.module_id = $2 AND e.status = 'active'
"""  # noqa: S608  # made of constants

_REPORT_PROGRESS = """
    SELECT id, role, location_id, report_progress($2, id, $3, $4, $5, $6, $7)::text FROM caller
"""


class StudyRepository:
    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    async def enroll(
        self, caller: Caller, module_id: uuid.UUID, request_id: str | None
    ) -> Admission | None:
        """Enroll the caller in a module's current version, unless they already are.

        None when claims name nobody, as everywhere here.
        """
        for row in await self._run(caller, _ENROLL, module_id, new_id(), request_id):
            exists, missing, *created = row
            return Admission(enrollment_item(created) if created[0] else None, exists, missing)
        return None

    async def open_enrollment(self, caller: Caller, module_id: uuid.UUID) -> EnrollmentItem | None:
        for row in await self._run(caller, _OPEN, module_id):
            return enrollment_item(row)
        return None

    async def first_page(self, caller: Caller, limit: int) -> Page[EnrollmentItem]:
        """List the caller's newest enrollments."""
        rows = await self._run(caller, _FIRST_PAGE, limit + 1)
        cursor = None
        if len(rows) > limit:
            rows = rows[:limit]
            cursor = encode_cursor((rows[-1]["enrolled_at"], rows[-1]["id"]), order=_NEWEST)
        return Page([enrollment_item(row) for row in rows], cursor)

    async def content(
        self, asked: ContentQuestion[uuid.UUID] | ContentQuestion[Claims]
    ) -> PinnedContent | None:
        """Return the content of the caller's enrollment; access is checked every time."""
        held = (asked.held_version, asked.held_hashes)
        for row in await self._run(asked.caller, _CONTENT, asked.enrollment_id, *held):
            return PinnedContent(*row)
        return None

    async def contents(
        self, asked: Sequence[ContentQuestion[Claims]]
    ) -> list[PinnedContent | None]:
        """Answer each question as `content` does, in one statement."""
        if len(asked) == 1:
            return [await self.content(asked[0])]
        found: list[PinnedContent | None] = [None] * len(asked)
        # The driver returns UUIDs as a subclass of its own, which orjson cannot serialise without
        # `default`.
        text = orjson.dumps([_as_json(each) for each in asked], default=str).decode()
        for place, *pinned in await self._fetch(_CONTENTS, text):
            found[place - 1] = PinnedContent(*pinned)
        return found

    async def report_progress(
        self,
        caller: Caller,
        enrollment_id: uuid.UUID,
        section_id: uuid.UUID,
        report: Report,
        request_id: str | None,
    ) -> Reported | None:
        """Apply a progress report in the database."""
        rows = await self._run(
            caller,
            _REPORT_PROGRESS,
            enrollment_id,
            section_id,
            report.seconds,
            report.position,
            report.completed,
            request_id,
        )
        for user_id, role, location_id, state in rows:
            return Reported(Actor(user_id, Role(role), location_id), state)
        return None

    async def _run(
        self, caller: Caller, statement: str, *arguments: object
    ) -> list[asyncpg.Record]:
        return await run_for(self._fetch, caller, statement, *arguments)


def _as_json(question: ContentQuestion[Claims]) -> dict[str, Any]:
    caller = question.caller
    return {
        "subject": caller.subject,
        "signed_in_at": caller.signed_in_at,
        "email": caller.email,
        "enrollment_id": question.enrollment_id,
        "held_version": question.held_version,
        "held_hashes": question.held_hashes,
    }
