"""Checks that must hold on any machine. A gate is a name and whether it held."""

import asyncio
import itertools
from pathlib import Path

import asyncpg
import orjson

from app.core.postgres.table_security import API_ROLE
from benchmarks import load, pooler
from benchmarks.harness import DATABASE, POOL, Bench, Result
from benchmarks.load import Request
from benchmarks.operations import CONTENT, OPERATIONS, Operation

Gates = dict[str, bool]
SOFT_MARGIN = 0.85
RACERS = 20
POOLED_REQUESTS = 60

_WRONG = """
    SELECT count(*) FROM (
        SELECT e.id, e.progress_percent,
               100 * count(p.*) FILTER (WHERE p.state = 'completed' AND s.required)
                   / count(*) FILTER (WHERE s.required) AS expected
          FROM enrollments e
          JOIN version_sections s ON s.version_id = e.version_id
          LEFT JOIN section_progress p ON p.enrollment_id = e.id AND p.section_id = s.section_id
         WHERE e.id = ANY ($1::uuid[])
         GROUP BY e.id) AS counted
     WHERE progress_percent <> expected
"""
_SECTIONS = """
    SELECT section_id FROM version_sections v JOIN enrollments e ON e.version_id = v.version_id
     WHERE e.id = $1 AND v.kind = 'text'
"""
_STORED = """
    SELECT v.content FROM enrollments e JOIN module_versions v ON v.id = e.version_id
     WHERE e.id = $1
"""


def of_result(result: Result) -> Gates:
    operation = result.operation
    return {
        f"{operation.name}: round trips": result.round_trips <= operation.goal_round_trips,
        f"{operation.name}: statements": result.statements <= operation.goal_round_trips,
        f"{operation.name}: every answer 2xx": result.failures == 0,
    }


def meets_goal(result: Result) -> bool:
    """Tell whether each T is within 15 % of its goal."""
    return all(
        result.median_t(variant) >= SOFT_MARGIN * goal
        for variant, goal in result.operation.goals_t.items()
    )


async def equal_bodies(bench: Bench) -> Gates:
    """Compare the served answers with the stored bytes, the ORM's and the database's own."""
    served, idiomatic = bench.servers["served"].origin, bench.servers["idiomatic"].origin
    person = bench.sample.people[0]
    signed = (("Authorization", f"Bearer {bench.identity.token(person)}"),)
    first_page = Request("GET", "/api/v1/enrollments", signed)
    ours = orjson.loads((await load.fetch(served, first_page))[1])
    theirs = orjson.loads((await load.fetch(idiomatic, first_page))[1])
    return {
        "content: body equals the published bytes": await _same_content(bench),
        "dashboard: body equals the ORM's": ours["items"] == theirs["items"],
        "matrix: body equals what is counted from people": await _same_matrix(bench),
    }


async def _same_content(bench: Bench) -> bool:
    """Compare what several get at the same time, whose access one statement checks."""
    readers = bench.sample.enrollments[:RACERS]
    content = CONTENT.requests("served", bench.sample, bench.identity.token)
    origin = bench.servers["served"].origin
    connection = await asyncpg.connect(bench.postgres.dsn(DATABASE))
    stored = [await connection.fetchval(_STORED, row) for _, row, _ in readers]
    await connection.close()
    answers = await asyncio.gather(
        *(load.fetch(origin, each) for each in itertools.islice(content, len(readers)))
    )
    return [body for _, body in answers] == stored


async def _same_matrix(bench: Bench) -> bool:
    """Compare the kept matrix with one for which every person is counted, by their title."""
    signed = (("Authorization", f"Bearer {bench.identity.token(bench.sample.admin)}"),)
    path, served = "/api/v1/reports/compliance", bench.servers["served"].origin
    _, kept = await load.fetch(served, Request("GET", path, signed))
    _, counted = await load.fetch(served, Request("GET", f"{path}?job_title=hygienist", signed))
    return kept == counted


async def concurrency(bench: Bench) -> Gates:
    """Complete all sections of enrollments at once; count the percentages that are wrong."""
    connection = await asyncpg.connect(bench.postgres.dsn(DATABASE))
    try:
        racing = [(person, row) for person, row, _ in bench.sample.enrollments[:RACERS]]
        report = orjson.dumps({"seconds_spent": 1, "position": 0, "completed": True})
        requests = []
        for person, enrollment in racing:
            signed = (("Authorization", f"Bearer {bench.identity.token(person)}"),)
            for row in await connection.fetch(_SECTIONS, enrollment):
                path = f"/api/v1/enrollments/{enrollment}/sections/{row[0]}/progress"
                requests.append(Request("PUT", path, signed, report))
        outcome = await load.run(bench.servers["served"].origin, requests, connections=8)
        wrong = await connection.fetchval(_WRONG, [enrollment for _, enrollment in racing])
    finally:
        await connection.close()
    return {"progress: 0 wrong percentages": wrong == 0 and outcome.failures == 0}


async def behind_pgbouncer(bench: Bench, directory: Path) -> Gates:
    """Serve through a transaction-mode pooler with fewer connections than clients: 0 errors."""
    with pooler.pooled(directory, bench.postgres.port) as port:
        dsn = bench.postgres.dsn(DATABASE, API_ROLE).replace(str(bench.postgres.port), str(port))
        server = await asyncio.to_thread(bench.serve, f"{dsn}?pgbouncer=true", POOL)
        try:
            failures = [await _failures(bench, server.origin, each) for each in OPERATIONS]
        finally:
            await asyncio.to_thread(server.stop)
    return {"pgbouncer in transaction mode: 0 errors": sum(failures) == 0}


async def _failures(bench: Bench, origin: str, operation: Operation) -> int:
    stream = operation.requests("served", bench.sample, bench.identity.token)
    batch = list(itertools.islice(stream, operation.most_requests or POOLED_REQUESTS))
    return (await load.run(origin, batch, connections=8)).failures
