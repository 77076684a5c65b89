"""Nobody reads or changes what is not theirs: every operation as every kind of actor."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import true, update

from app.models import User
from app.repositories.study import (
    enrollment,
)
from tests.contracts.matrix import (
    ACTORS,
    ADMIN,
    ANONYMOUS,
    LEARNER,
    Row,
    core_rows,
    path_ids,
)
from tests.contracts.matrix_compliance import compliance_rows, made
from tests.contracts.world import World
from tests.described import without_shared_parts
from tests.support import Api, RollbackDatabase

FOR_ONESELF = {"sync", "update_me", "enroll"}
# These need more than the world has; the tests of their own routes do them.
NEVER_DONE = {
    *("close_live_session", "come_back", "complete_media", "confirm_merge", "move_enrollment"),
    *("make_position_primary", "merge_department", "merge_job_title", "open_account", "rehire"),
    *("revert_assignment", "sign_out", "withdraw_external_evidence"),
}
KEY = {"Idempotency-Key": "once"}


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    headers: dict[str, str]


def operations(app: FastAPI) -> dict[str, Operation]:
    return {
        operation["operationId"]: Operation(method.upper(), path, _headers(operation))
        for path, item in without_shared_parts(app.openapi())["paths"].items()
        for method, operation in item.items()
    }


def _headers(operation: dict[str, Any]) -> dict[str, str]:
    names = {parameter["name"] for parameter in operation.get("parameters", [])}
    return {"If-Match": "*"} if "If-Match" in names else {}


@dataclass(frozen=True, slots=True)
class Matrix:
    api: Api
    world: World
    database: RollbackDatabase
    operations: dict[str, Operation]
    ids: dict[str, object]

    @property
    def rows(self) -> list[Row]:
        return [*core_rows(self.world), *compliance_rows(self.world, self.ids)]

    async def status(self, row: Row, actor: str) -> int:
        """Send the row's request as the actor, and undo what it did."""
        async with self.database.undone():
            return (await self._send(row, actor)).status_code

    async def done_twice(self, row: Row, actor: str) -> str | None:
        """Send a POST twice with one key; return the operation unless the answer is replayed."""
        async with self.database.undone():
            first, again = [await self._send(row, actor, KEY) for _ in range(2)]
        replayed = again.headers.get("Idempotency-Replayed") == "true"
        same = (again.status_code, again.content) == (first.status_code, first.content)
        return None if replayed and same else row.operation

    async def lost(self, row: Row, actor: str) -> str | None:
        """Make the row's resource, and return its Location unless that leads back to it."""
        async with self.database.undone():
            location = (await self._send(row, actor)).headers.get("Location", "")
            user: User = getattr(self.world.people, actor)
            found = await self.api.client.get(location, headers=self.api.bearer(user))
            return None if found.is_success else location or row.operation

    async def _send(
        self, row: Row, actor: str, extra_headers: Mapping[str, str] = MappingProxyType({})
    ) -> httpx.Response:
        operation = self.operations[row.operation]
        path = operation.path
        for name, value in (self.ids | dict(row.path)).items():
            path = path.replace(f"{{{name}}}", quote(str(value)))
        assert "{" not in path, f"path_ids does not know an id of {path}"
        user: User | None = getattr(self.world.people, actor, None)
        headers = operation.headers | (self.api.bearer(user) if user else {})
        query = {name: str(value) for name, value in row.query.items()}
        return await self.api.client.request(
            operation.method,
            path,
            params=query,
            json=row.json,
            content=row.content,
            headers={
                **headers,
                **extra_headers,
                **({"Content-Type": "text/plain"} if row.content else {}),
            },
        )

    async def surprises(self, declared: list[Row]) -> list[str]:
        found = []
        for row in declared:
            for actor in ACTORS:
                status = await self.status(row, actor)
                if status != row.expected(actor):
                    name = f"{row.operation} {row.note}".strip()
                    found.append(f"{name} as {actor}: {status}, not {row.expected(actor)}")
        return found


@pytest.fixture
async def matrix(api: Api, world: World, database: RollbackDatabase, app: FastAPI) -> Matrix:
    ids = path_ids(world) | await made(api, world)
    return Matrix(api, world, database, operations(app), ids)


class TestMatrix:
    async def test_every_operation_is_declared(self, matrix: Matrix) -> None:
        declared = {row.operation for row in matrix.rows}
        assert declared == set(matrix.operations), "declare who may use it in matrix.py"

    @pytest.mark.full
    async def test_outcomes_are_as_declared(self, matrix: Matrix) -> None:
        known = [row for row in matrix.rows if row.operation in matrix.operations]
        surprises = await matrix.surprises(known)
        assert not surprises, "\n".join(surprises)

    @pytest.mark.full
    async def test_unknown_ids_are_not_found(self, matrix: Matrix) -> None:
        """Even an admin gets 404 for an unknown id, and never a 500."""
        nowhere = "00000000-0000-7000-8000-000000000000"
        missing = {
            name: nowhere
            for name in matrix.ids
            if name not in {"job_id", "number", "retention_class"}
        }
        for row in matrix.rows:
            operation = matrix.operations.get(row.operation)
            if operation is None or not any(f"{{{name}}}" in operation.path for name in missing):
                continue
            gone = replace(row, path=missing)
            assert await matrix.status(gone, ADMIN) == 404, row.operation  # 404

    @pytest.mark.full
    async def test_locations_lead_to_what_was_made(self, matrix: Matrix) -> None:
        made = [row for row in matrix.rows if row.success == 201]  # 201
        assert made
        lost = {
            (row.operation, actor): await matrix.lost(row, actor)
            for row in made
            for actor in sorted(row.allowed - row.special.keys())
        }
        assert not {made: location for made, location in lost.items() if location}

    @pytest.mark.full
    async def test_every_post_is_replayed_by_its_key(self, matrix: Matrix) -> None:
        posts = [
            row
            for row in matrix.rows
            if matrix.operations[row.operation].method == "POST"
            and row.allowed
            and row.success < HTTPStatus.BAD_REQUEST
        ]
        done_twice = [await matrix.done_twice(row, min(row.allowed)) for row in posts]
        every = {name for name, each in matrix.operations.items() if each.method == "POST"}
        assert every - {row.operation for row in posts} == NEVER_DONE
        assert not [operation for operation in done_twice if operation]

    @pytest.mark.full
    async def test_admins_write_for_others_with_a_second_factor(
        self, matrix: Matrix, application: FastAPI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        container = application.state.container
        strict = container.settings.model_copy(update={"admin_writes_require_aal2": True})
        monkeypatch.setattr(container, "settings", strict)
        passed = set()
        for row in matrix.rows:
            operation = matrix.operations[row.operation]
            if operation.method != "GET" and ADMIN in row.allowed:
                status = await matrix.status(row, ADMIN)
                passed |= {row.operation} if status != HTTPStatus.FORBIDDEN else set()
        assert passed == FOR_ONESELF

    @pytest.mark.full
    async def test_leavers_are_cut_off_from_all_but_their_records(self, matrix: Matrix) -> None:
        """Former admins too: a leaver reads their own records and nothing else."""
        async with matrix.database.writing() as session:
            await session.execute(update(User).values(is_active=False))
            await session.commit()
        admitted = set()
        for row in matrix.rows:
            if row.operation in matrix.operations and not row.public:
                owner, other = await matrix.status(row, LEARNER), await matrix.status(row, ADMIN)
                if owner == 403 == other:  # 403
                    continue
                admitted.add(row.operation)
                path = matrix.operations[row.operation].path
                theirs = 404 if "user_id" in row.query or "record_id" in path else 200  # 404
                assert (owner, other) == (200, theirs), row.operation
        assert admitted == {"list_training_records", "read_training_record"}


@pytest.mark.full
class TestTheMatrixBites:
    async def test_a_row_that_claims_too_little_fails(self, matrix: Matrix) -> None:
        wrong = Row("read_me", frozenset({LEARNER}))
        surprises = await matrix.surprises([wrong])
        assert len(surprises) == len(ACTORS) - 2
        assert not any(ANONYMOUS in surprise for surprise in surprises)

    async def test_a_missing_scope_fails(
        self, matrix: Matrix, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(enrollment, "owner_visible_to", lambda *_: true())
        declared = [row for row in matrix.rows if row.operation == "read_enrollment"]
        assert await matrix.surprises(declared) == [
            f"read_enrollment as {actor}: 200, not 404"
            for actor in ("other_learner", "far_manager", "author")
        ]
