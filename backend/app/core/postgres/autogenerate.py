"""A plug-in of Alembic for differences in functions, triggers, policies, rights and CHECKs.

`alembic check` then reports them, and `alembic revision --autogenerate` writes them down.
"""

from collections.abc import Iterator

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations.ops import MigrateOperation, UpgradeOps
from alembic.runtime.plugins import Plugin
from alembic.util import CommandError, DispatchPriority, PriorityDispatchResult
from sqlalchemy import MetaData, text

from app.core.postgres.declared_schema import Definition, Definitions, declared, existing

PLUGIN = "app.postgres"

_LEFT = """
SELECT string_agg(conname, ', ' ORDER BY conname) FROM pg_constraint
 WHERE NOT convalidated AND connamespace = 'public'::regnamespace
"""


class ExecuteOp(MigrateOperation):
    """One statement of a revision, and the one that takes it back."""

    def __init__(self, upgrade: str, downgrade: str) -> None:
        self.upgrade = upgrade
        self.downgrade = downgrade

    def reverse(self) -> "ExecuteOp":
        return ExecuteOp(self.downgrade, self.upgrade)

    def to_diff_tuple(self) -> tuple[str, str]:
        return ("execute", self.upgrade)


@renderers.dispatch_for(ExecuteOp)
def _render(context: AutogenContext, operation: ExecuteOp) -> str:
    # Alembic indents every line of a revision, also those within a text. PostgreSQL keeps the body
    # of a function as it was written, so an indented one would differ from the code's.
    context.imports.add("from textwrap import dedent")
    return f'op.execute(dedent(r"""\n{operation.upgrade.strip()}\n"""))'


def difference(database: Definitions, code: Definitions) -> Iterator[ExecuteOp]:
    """Yield the statements that make the database equal to the code, each after those it needs."""
    tables = _tables(database), _tables(code)
    changed = {key for key in {*database, *code} if database.get(key) != code.get(key)}
    old = [database[key] for key in changed if key in database and _is_there(database[key], tables)]
    new = [code[key] for key in changed if key in code and _is_there(code[key], tables)]
    for definition in sorted(old, key=_order, reverse=True):
        if not (definition.in_place and (definition.kind, definition.name) in code):
            yield ExecuteOp(definition.drop, definition.create)
    for definition in sorted(new, key=_order):
        before = database.get((definition.kind, definition.name))
        if definition.in_place and before is not None:
            yield ExecuteOp(definition.create, before.create)
        else:
            yield ExecuteOp(definition.create, definition.drop)


def _order(definition: Definition) -> tuple[int, str]:
    return definition.rank, definition.name


def _tables(definitions: Definitions) -> set[str]:
    return {d.table for d in definitions.values() if d.table is not None}


def _is_there(definition: Definition, tables: tuple[set[str], set[str]]) -> bool:
    """Tell whether a statement is needed for an object of this table.

    CREATE TABLE makes the CHECKs of a new table, and DROP TABLE drops everything on it.
    """
    database, code = tables
    if definition.table is None:
        return True
    return definition.table in code and (definition.kind != "check" or definition.table in database)


def _compare(
    context: AutogenContext, upgrade_ops: UpgradeOps, _schemas: set[str | None]
) -> PriorityDispatchResult:
    connection, metadata = context.connection, context.metadata
    if connection is None or not isinstance(metadata, MetaData):
        raise TypeError
    upgrade_ops.ops.extend(difference(existing(connection), declared(connection, metadata)))
    return PriorityDispatchResult.CONTINUE


def _require_validated(
    context: AutogenContext, _ops: UpgradeOps, _schemas: set[str | None]
) -> PriorityDispatchResult:
    """Refuse to compare while checks are not validated: they would look like other checks."""
    if context.connection is not None and (left := context.connection.scalar(text(_LEFT))):
        message = f"Not validated yet: {left}. Run `alembic upgrade head`, which validates them."
        raise CommandError(message)
    return PriorityDispatchResult.CONTINUE


_plugin = Plugin(PLUGIN)
_plugin.add_autogenerate_comparator(_require_validated, "schema", priority=DispatchPriority.FIRST)
_plugin.add_autogenerate_comparator(_compare, "schema", priority=DispatchPriority.LAST)
