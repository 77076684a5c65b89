"""`alembic check` sees differences in SQL objects; autogenerate mends them, and can undo that."""

import ast
from collections.abc import AsyncIterator
from textwrap import dedent
from types import SimpleNamespace

import pytest
from alembic.autogenerate import render_python_code
from alembic.operations.ops import DowngradeOps, UpgradeOps
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.core.database import Base
from app.core.postgres.autogenerate import ExecuteOp, difference
from app.core.postgres.declared_schema import SCHEMA, Definitions, declared, existing
from devstack.postgres import EmbeddedPostgres

PLANTED = {
    "a changed body": (
        "CREATE OR REPLACE FUNCTION local_day(p_location uuid) RETURNS date LANGUAGE sql STABLE "
        "AS 'SELECT current_date'"
    ),
    "a function's setting": "ALTER FUNCTION report_progress SET work_mem = '1MB'",
    "a function's rights": "GRANT EXECUTE ON FUNCTION erase_person TO training_api",
    "a function for everybody": "GRANT EXECUTE ON FUNCTION report_progress TO PUBLIC",
    "a missing function": "DROP FUNCTION settle_regrade",
    "another function": "CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "an overloaded function": (
        "CREATE FUNCTION local_day(p text) RETURNS int LANGUAGE sql AS 'SELECT 1'"
    ),
    "a missing trigger": "DROP TRIGGER refuse_change ON training_records",
    "a changed trigger": (
        "CREATE OR REPLACE TRIGGER refuse_change BEFORE UPDATE ON training_records "
        "FOR EACH ROW EXECUTE FUNCTION refuse_unless_erased('user_id')"
    ),
    "a trigger that is switched off": "ALTER TABLE signatures DISABLE TRIGGER refuse_change",
    "a missing policy": "DROP POLICY api ON users",
    "a changed policy": "ALTER POLICY read_own ON enrollments USING (true)",
    "a policy for others": "ALTER POLICY read_own ON enrollments TO PUBLIC",
    "row security that is off": "ALTER TABLE locations DISABLE ROW LEVEL SECURITY",
    "a right too many": "GRANT DELETE ON users TO training_api",
    "a right too few": "REVOKE UPDATE ON enrollments FROM training_api",
    "a right of the public": "GRANT SELECT ON users TO anon",
    "a missing CHECK": ("ALTER TABLE enrollments DROP CONSTRAINT ck_enrollments_progress_percent"),
    "a changed CHECK": (
        "ALTER TABLE enrollments DROP CONSTRAINT ck_enrollments_progress_percent; "
        "ALTER TABLE enrollments ADD CONSTRAINT ck_enrollments_progress_percent "
        "CHECK (progress_percent BETWEEN 0 AND 101)"
    ),
    "an enumeration of fewer": (
        "ALTER TABLE enrollments DROP CONSTRAINT ck_enrollments_source; "
        "ALTER TABLE enrollments ADD CONSTRAINT ck_enrollments_source "
        "CHECK (source IN ('self', 'assigned'))"
    ),
    "a CHECK that was not validated": (
        "ALTER TABLE users ADD CONSTRAINT planted CHECK (email <> '') NOT VALID"
    ),
    "a view": "CREATE VIEW planted AS SELECT id FROM users",
}


@pytest.fixture
async def owner(postgres: EmbeddedPostgres, template: str) -> AsyncIterator[AsyncConnection]:
    """The owner's connection; what a test does is rolled back."""
    dsn = postgres.dsn(template).replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(dsn)
    async with engine.connect() as connection:
        yield connection
        await connection.rollback()
    await engine.dispose()


_declared: Definitions = {}


def operations(connection: Connection) -> list[ExecuteOp]:
    """Return what autogenerate would write; what the code says is read once."""
    _declared.update(_declared or declared(connection, Base.metadata))
    return list(difference(existing(connection), _declared))


def changes(connection: Connection) -> list[tuple[str, str]]:
    return [(operation.upgrade, operation.downgrade) for operation in operations(connection)]


def written(directives: UpgradeOps | DowngradeOps) -> list[str]:
    """Return the statements of a revision as they come back from its file."""
    statements: list[str] = []
    code = f"def run():\n    {render_python_code(directives)}\nrun()"
    exec(code, {"op": SimpleNamespace(execute=statements.append), "dedent": dedent})  # noqa: S102  # as Alembic does
    return statements


async def execute(connection: AsyncConnection, statements: str) -> None:
    for statement in statements.split("; "):
        await connection.exec_driver_sql(statement)


async def test_a_migrated_database_is_what_the_code_says(owner: AsyncConnection) -> None:
    assert await owner.run_sync(changes) == []


@pytest.mark.full
@pytest.mark.parametrize("planted", PLANTED.values(), ids=PLANTED)
async def test_a_difference_is_seen_mended_and_brought_back(
    owner: AsyncConnection, planted: str
) -> None:
    await execute(owner, planted)
    before = await owner.run_sync(existing)
    upgrade = UpgradeOps(await owner.run_sync(operations))
    assert upgrade.ops
    for statement in written(upgrade):
        await owner.exec_driver_sql(statement)
    assert await owner.run_sync(changes) == []
    for statement in written(upgrade.reverse()):
        await owner.exec_driver_sql(statement)
    assert await owner.run_sync(existing) == before


@pytest.mark.full
async def test_nothing_is_left_behind(owner: AsyncConnection) -> None:
    await owner.run_sync(declared, Base.metadata)
    left = await owner.scalar(text("SELECT to_regnamespace(:name)"), {"name": SCHEMA})
    assert left is None


@pytest.mark.full
async def test_a_revision_holds_both_bodies(owner: AsyncConnection) -> None:
    await execute(owner, PLANTED["a changed body"])

    def rendered(connection: Connection) -> tuple[str, str]:
        upgrade = UpgradeOps(operations(connection))
        return render_python_code(upgrade), render_python_code(upgrade.reverse())

    upgrade, downgrade = await owner.run_sync(rendered)
    assert "FROM locations" in upgrade
    assert "SELECT current_date" in downgrade
    assert upgrade.startswith("# ### commands auto generated")
    ast.parse(f"def upgrade():\n    {upgrade}")
