"""Reads the functions, triggers, policies, rights and CHECKs of the database and of the code.

Alembic does not compare these.

Everything that the code declares is created in a schema of its own, both schemas are read from
PostgreSQL's catalogue with the same query, and the new schema is rolled back. So this module does
not have to parse SQL, and it locks no object of the schema that it compares with.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, MetaData

from app.core.database import Base
from app.core.postgres.table_security import (
    API_ROLE,
    PUBLIC_ROLES,
    READ_ONLY,
    for_columns,
    keep_rows,
    protect_table,
)

SCHEMA = "declared_by_code"
SQL_FILES = Path(__file__).parents[2] / "models"

_CATALOGUE = (Path(__file__).parent / "catalogue.sql").read_text()
# Alembic creates its table itself, so the table is in the database but in no model.
_ALEMBIC_VERSION = (
    "CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)",
    *protect_table("alembic_version", READ_ONLY),
)


@dataclass(frozen=True, slots=True)
class Definition:
    """One object of the catalogue, and the statements that create and drop it."""

    rank: int
    """Objects of a lower rank are created first: functions before the triggers that run them."""

    kind: str
    name: str
    table: str | None
    create: str
    drop: str
    in_place: bool
    """Whether `create` replaces an older definition, so that nothing is dropped."""


Definitions = dict[tuple[str, str], Definition]


def existing(connection: Connection, schema: str = "public") -> Definitions:
    """Read what a schema contains."""
    with connection.begin_nested() as savepoint:
        connection.exec_driver_sql(f"SET LOCAL search_path = {schema}")
        found = _read(connection)
        savepoint.rollback()
    return found


def declared(connection: Connection, metadata: MetaData) -> Definitions:
    """Read what the schema would contain if it were made from the code as it stands."""
    with connection.begin_nested() as savepoint:
        connection.exec_driver_sql(f"CREATE SCHEMA {SCHEMA}")
        connection.exec_driver_sql(f"SET LOCAL search_path = {SCHEMA}")
        connection.exec_driver_sql("SET LOCAL check_function_bodies = off")
        for statement in _statements(SQL_FILES / "sql"):
            connection.exec_driver_sql(statement)
        metadata.create_all(connection, checkfirst=False)
        for folder in sorted(SQL_FILES.glob("*/sql")):
            for statement in _statements(folder):
                connection.exec_driver_sql(statement)
        for statement in (*_ALEMBIC_VERSION, *_table_statements()):
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {SCHEMA} FROM PUBLIC, {', '.join(PUBLIC_ROLES)}"
        )
        found = _read(connection)
        savepoint.rollback()
    return found


def _statements(folder: Path) -> Iterator[str]:
    """Yield the statements of a folder's files; an empty line ends a statement."""
    for file in sorted(folder.glob("*.sql")):
        yield from file.read_text().strip().removesuffix(";").split(";\n\n")


def _table_statements() -> Iterator[str]:
    for mapper in Base.registry.mappers:
        model = mapper.class_
        yield from protect_table(model.__tablename__, rights_of(model))
        if model.__kept_by__ is not None:
            yield from keep_rows(model.__tablename__, model.__kept_by__)


def rights_of(model: type[Base]) -> str:
    """Return what the API's role may do with a table, and with which of its columns."""
    if not model.__stamped__ and model.__edited__ is None:
        return model.__rights__
    columns = [column.name for column in model.__table__.columns]
    told = [each for each in columns if each not in model.__stamped__]
    edited = told if model.__edited__ is None else model.__edited__
    return for_columns(model.__rights__, told, edited)


def _read(connection: Connection) -> Definitions:
    roles = [API_ROLE, "PUBLIC", *PUBLIC_ROLES]
    rows = connection.exec_driver_sql(_CATALOGUE, (roles,))
    definitions = [Definition(*row) for row in rows]
    return {(definition.kind, definition.name): definition for definition in definitions}
