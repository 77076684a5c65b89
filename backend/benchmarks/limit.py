"""The limit: a bare ASGI application, an asyncpg pool and one statement a request.

No framework, no validation, no sign-in, no ORM: nothing that serves the same answers from the same
tables can cost much less in Python.
"""

import os
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import orjson

from app.domain.content.quiz.key import QuizKey
from app.domain.study.quiz.attempts import Snapshot, grade_attempt
from app.domain.study.quiz.results import stored_result

Handler = Callable[[asyncpg.Pool, list[str], bytes], Awaitable[tuple[int, bytes]]]

CONTENT = """
    SELECT json_build_object(
        'module', json_build_object('id', m.id, 'slug', m.slug, 'title', m.title,
            'summary', m.summary, 'category', m.category, 'tags', m.tags, 'language', m.language,
            'estimated_minutes', m.estimated_minutes),
        'sections', (SELECT json_agg(json_build_object('id', s.id, 'kind', s.kind,
            'title', s.title, 'body', s.body, 'required', s.required, 'position', s.position,
            'settings', s.settings, 'questions', coalesce((
                SELECT json_agg(json_build_object('id', q.id, 'kind', q.kind, 'prompt', q.prompt,
                    'points', q.points, 'options', q.metadata -> 'options') ORDER BY q.position)
                  FROM quiz_questions q WHERE q.section_id = s.id), '[]'::json))
            ORDER BY s.position) FROM module_sections s WHERE s.module_id = m.id))::text
      FROM enrollments e JOIN training_modules m ON m.id = e.module_id
     WHERE e.id = $1 AND e.user_id = $2
"""

DASHBOARD = """
    SELECT json_build_object('items', coalesce(json_agg(json_build_object(
        'id', x.id, 'user_id', x.user_id,
        'user', json_build_object('id', x.user_id, 'display_name', x.display_name),
        'etag', format('"%s.%s.%s"', x.status, x.source, coalesce(x.due_on::text, 'None')),
        'module', json_build_object('id', x.module_id, 'title', x.title, 'category', x.category),
        'version', x.number, 'status', x.status, 'source', x.source,
        'progress_percent', x.progress_percent, 'due_on', x.due_on,
        'enrolled_at', x.enrolled_at, 'completed_at', x.completed_at)), '[]'::json),
        'next_cursor', NULL)::text
      FROM (SELECT e.*, v.title, v.category, v.number,
                   coalesce(u.full_name, split_part(u.email, '@', 1)) AS display_name
              FROM enrollments e
              JOIN module_versions v ON v.id = e.version_id
              JOIN users u ON u.id = e.user_id
             WHERE e.user_id = $1 ORDER BY e.enrolled_at DESC, e.id DESC LIMIT 50) x
"""

PROGRESS = "SELECT report_progress($1, $2, $3, $4, 0, false, NULL)::text"

ENROLL = """
    WITH created AS (
        INSERT INTO enrollments (user_id, module_id, version_id, source)
        SELECT $1, m.id, m.current_version_id, 'self' FROM training_modules m WHERE m.id = $2
        ON CONFLICT (user_id, module_id) WHERE status = 'active' DO NOTHING
        RETURNING *)
    SELECT json_build_object('id', c.id, 'user_id', c.user_id,
        'user', json_build_object('id', u.id,
            'display_name', coalesce(u.full_name, split_part(u.email, '@', 1))),
        'etag', format('"%s.%s.%s"', c.status, c.source, coalesce(c.due_on::text, 'None')),
        'module', json_build_object('id', v.module_id, 'title', v.title, 'category', v.category),
        'version', v.number, 'status', c.status, 'source', c.source,
        'progress_percent', c.progress_percent, 'due_on', c.due_on,
        'enrolled_at', c.enrolled_at, 'completed_at', c.completed_at)::text
      FROM created c
      JOIN module_versions v ON v.id = c.version_id
      JOIN users u ON u.id = c.user_id
"""


MATRIX = """
    SELECT coalesce(json_agg(json_build_object('key', location_id, 'requirement', requirement_id,
               'status', status, 'people', people)), '[]')::text
      FROM (SELECT location_id, requirement_id, status, count(*) AS people
              FROM compliance_segments WHERE CURRENT_DATE BETWEEN starts_on AND ends_on
             GROUP BY 1, 2, 3) AS cells
"""

NOT_ENROLLED = """
    SELECT u.id, m.id, m.current_version_id FROM users u, training_modules m
     WHERE m.id = $1 AND u.role = 'learner' AND NOT EXISTS (
        SELECT FROM enrollments e
         WHERE e.user_id = u.id AND e.module_id = m.id AND e.status = 'active')
"""
ENROLLED = ("user_id", "module_id", "version_id", "source")

ATTEMPT = """
    SELECT a.snapshot::text, k.key::text
      FROM quiz_attempts a
      JOIN answer_keys k ON k.version_id = a.version_id AND k.section_id = a.section_id
     WHERE a.id = $1 AND a.user_id = $2
"""

GRADE = """
    SELECT grade_attempt($1, '{}', 0, interval '0', $2, false, $3, $4, $5, $6, $7, $8, NULL)::text
"""


async def _content(pool: asyncpg.Pool, path: list[str], _body: bytes) -> tuple[int, bytes]:
    text = await pool.fetchval(CONTENT, uuid.UUID(path[0]), uuid.UUID(path[1]))
    return 200, text.encode()


async def _dashboard(pool: asyncpg.Pool, path: list[str], _body: bytes) -> tuple[int, bytes]:
    return 200, (await pool.fetchval(DASHBOARD, uuid.UUID(path[0]))).encode()


async def _progress(pool: asyncpg.Pool, path: list[str], body: bytes) -> tuple[int, bytes]:
    enrollment, user, section = (uuid.UUID(part) for part in path)
    seconds = orjson.loads(body)["seconds_spent"]
    return 200, (await pool.fetchval(PROGRESS, enrollment, user, section, seconds)).encode()


async def _enroll(pool: asyncpg.Pool, path: list[str], body: bytes) -> tuple[int, bytes]:
    module = uuid.UUID(orjson.loads(body)["module_id"])
    text = await pool.fetchval(ENROLL, uuid.UUID(path[0]), module)
    return (201, text.encode()) if text else (200, b"{}")


async def _submit(pool: asyncpg.Pool, path: list[str], body: bytes) -> tuple[int, bytes]:
    attempt, user = (uuid.UUID(part) for part in path)
    answers = orjson.loads(body)["answers"]
    [row] = await pool.fetch(ATTEMPT, attempt, user)
    snapshot, key = row.values()
    result = grade_attempt(
        Snapshot.model_validate_json(snapshot), QuizKey.model_validate_json(key), answers, []
    )
    columns = stored_result(result)
    await pool.fetchval(
        GRADE,
        attempt,
        orjson.dumps(answers).decode(),
        *(columns[name] for name in ("points", "max_points", "score_percent", "passed")),
        orjson.dumps(columns["grades"]).decode(),
        user,
    )
    return 200, orjson.dumps({"passed": columns["passed"]})


async def _matrix(pool: asyncpg.Pool, _path: list[str], _body: bytes) -> tuple[int, bytes]:
    return 200, (await pool.fetchval(MATRIX)).encode()


async def _bulk(pool: asyncpg.Pool, path: list[str], _body: bytes) -> tuple[int, bytes]:
    async with pool.acquire() as connection:
        rows = await connection.fetch(NOT_ENROLLED, uuid.UUID(path[0]))
        records = [(*row, "assigned") for row in rows]
        await connection.copy_records_to_table("enrollments", records=records, columns=ENROLLED)
    return 200, orjson.dumps({"created": len(rows)})


HANDLERS: dict[str, Handler] = {
    "content": _content,
    "dashboard": _dashboard,
    "progress": _progress,
    "enroll": _enroll,
    "submit": _submit,
    "matrix": _matrix,
    "bulk": _bulk,
}


class Limit:
    def __init__(self) -> None:
        self._pool: asyncpg.Pool | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401  # ASGI's
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        _, name, *path = scope["path"].split("/")
        body = (await receive()).get("body", b"") if scope["method"] != "GET" else b""
        if self._pool is None:
            raise RuntimeError
        status, answer = await HANDLERS[name](self._pool, path, body)
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(answer)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _lifespan(self, receive: Any, send: Any) -> None:  # noqa: ANN401  # ASGI's
        await receive()
        dsn, size = os.environ["BENCH_DSN"], int(os.environ["BENCH_CONNECTIONS"])
        self._pool = await asyncpg.create_pool(dsn, min_size=size, max_size=size)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


app = Limit()
