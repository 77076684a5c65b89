"""Schemathesis compares the application with its OpenAPI document, with all its checks."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic_core.core_schema import ErrorType
from sqlalchemy import true

from app.core.database import Database
from app.core.postgres.table_security import API_ROLE
from app.main import create_app
from app.repositories.study import (
    enrollment,
)
from app.repositories.study.attempt import AttemptRepository
from app.routers import health
from devstack.postgres import EmbeddedPostgres
from tests.conftest import container_for, settings_for
from tests.contracts.schema_fuzzing import Findings, Run, fuzz, tokens
from tests.contracts.world import World, build_world
from tests.fakes.auth_admin import InMemoryAuthAdmin
from tests.support import LocalKeys

SEED = 20261120
_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Target:
    app: FastAPI
    world: World
    keys: LocalKeys


@pytest.fixture
def target(postgres: EmbeddedPostgres, template: str, keys: LocalKeys) -> Iterator[Target]:
    """Serve a database of its own: Schemathesis runs the application on its own event loop."""
    name = f"fuzzed_{next(_serial)}"
    asyncio.run(_execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
    settings = settings_for(postgres.dsn(name, API_ROLE))
    world = asyncio.run(_build(Database.from_settings(settings)))
    database = Database.from_settings(settings)
    container = container_for(database, keys, InMemoryAuthAdmin(), settings)
    yield Target(create_app(container), world, keys)
    asyncio.run(_execute(postgres, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(postgres: EmbeddedPostgres, statement: str) -> None:
    connection = await asyncpg.connect(postgres.dsn())
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _build(database: Database) -> World:
    world = await build_world(database)
    await database.close()
    return world


IDENTITIES = {
    "admin": (("admin",), ()),
    "learner": (("learner", "other_learner"), ("learner", "other_learner")),
}
# Faults that JSON Schema can express, so that well-formed requests have none. Our own codes are for
# what it cannot: what exists, what fits together, what can be kept.
LOOSE = {
    "value_error",  # addresses that only look like email
    "union_tag_not_found",  # `kind` has a default, so the document calls it optional
    "greater_than",  # exact decimals are plain numbers in the document, without their bounds
    "less_than_equal",
}
SHAPE = set(get_args(ErrorType)) - LOOSE
# Checked by kind, which OpenAPI knows nothing about.
BY_KIND = ("/metadata", "/settings", "/answers", "/printed_expiry")


def run_as(target: Target, identity: str, directory: Path, **options: Any) -> Findings:
    names, peers = IDENTITIES[identity]
    run = Run(tokens(target.world, target.keys, *names), peers, **options)
    return fuzz(target.app, target.world, run, directory)


def assert_true(findings: Findings) -> None:
    assert not findings.errors
    assert not findings.failures, "\n\n".join(findings.failures)
    assert not [refusal for refusal in findings.refusals if not _is_semantic(*refusal)]


def _is_semantic(operation: str, pointer: str, code: str) -> bool:
    unfinished = operation.endswith("/publish")
    return unfinished or code not in SHAPE or pointer.startswith(BY_KIND)


def operations(app: FastAPI) -> set[str]:
    return {
        f"{method.upper()} {path}"
        for path, item in app.openapi()["paths"].items()
        for method in item
    }


class TestContract:
    @pytest.mark.full
    def test_a_little_of_everything(self, target: Target, tmp_path: Path) -> None:
        phases = ("fuzzing", "stateful")
        findings = run_as(target, "learner", tmp_path, examples=1, phases=phases)
        assert_true(findings)
        assert findings.operations == operations(target.app)

    @pytest.mark.full
    @pytest.mark.parametrize("identity", IDENTITIES)
    def test_everything(self, target: Target, tmp_path: Path, identity: str) -> None:
        # CI always uses one seed. Other seeds are for longer runs by hand, which may find more.
        phases = ("examples", "coverage", "stateful")
        findings = run_as(target, identity, tmp_path, examples=5, phases=phases, seed=SEED)
        assert_true(findings)
        assert findings.operations == operations(target.app)
        assert findings.cases["stateful"] > 0
        assert findings.checks["object_level_authorization"] > 0


@pytest.mark.full
class TestTheseTestsBite:
    def test_a_crash_is_found(
        self, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def crash(_database: Database) -> None:
            raise LookupError

        monkeypatch.setattr(health, "check_readiness", crash)
        findings = run_as(target, "admin", tmp_path, phases=("fuzzing",), paths="/health/ready")
        assert any(found.startswith("not_a_server_error") for found in findings.failures)

    @pytest.mark.full
    def test_reading_what_is_not_mine_is_found(
        self, target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def no_clock(*_: object) -> list[object]:
            return []

        monkeypatch.setattr(enrollment, "owner_visible_to", lambda *_: true())
        # Compared are whole answers, and one with a quiz tells the time.
        monkeypatch.setattr(AttemptRepository, "standings", no_clock)
        findings = run_as(target, "learner", tmp_path, phases=("coverage",), paths="/enrollments")
        assert any(found.startswith("object_level_authorization") for found in findings.failures)
