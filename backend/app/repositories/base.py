"""The base of all repositories. They flush; only the unit of work commits."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database import Base
from app.core.pagination import Page, PageRequest, decode_cursor, encode_cursor

M = TypeVar("M", bound=Base)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Keyset:
    """The order of a list: by a column that is never null, then by id, so that it is total."""

    by: ColumnElement[Any] | InstrumentedAttribute[Any]
    row_id: InstrumentedAttribute[uuid.UUID]
    kind: type
    descending: bool = False

    def order(self, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        if self.descending:
            return statement.order_by(self.by.desc(), self.row_id.desc())
        return statement.order_by(self.by, self.row_id)

    def after(self, statement: Select[*tuple[Any, ...]], cursor: str) -> Select[*tuple[Any, ...]]:
        value, row_id = decode_cursor(cursor, (self.kind, uuid.UUID))
        last = tuple_(literal(value, self.by.type), literal(row_id, self.row_id.type))
        here = tuple_(self.by, self.row_id)
        return statement.where(here < last if self.descending else here > last)


class Repository(Generic[M]):
    """Typed access to the rows of `model` within one unit of work."""

    model: ClassVar[type[Base]]

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, row: M) -> M:
        self.session.add(row)
        await self.session.flush()
        return row

    async def save(self, row: M) -> M:
        """Write the changes of the row and its parts; raise StaleDataError on a concurrent edit."""
        await self.session.flush()
        return row

    async def reread(self, row: M) -> M:
        """Read a row again after statements or triggers have changed it or what it refers to."""
        await self.session.refresh(row)
        return row

    async def delete(self, row: M) -> None:
        await self.session.delete(row)
        await self.session.flush()

    async def page(self, statement: Select[M], request: PageRequest, keyset: Keyset) -> Page[M]:
        """Read one page of the rows of one model."""
        return await self.page_of(lambda row: row, statement, request, keyset)

    async def page_of(
        self,
        make: Callable[..., T],
        statement: Select[*tuple[Any, ...]],
        request: PageRequest,
        keyset: Keyset,
    ) -> Page[T]:
        """Read one page; `make` gets the columns of each row."""
        total = await self._total(statement) if request.include_total else None
        if request.cursor is not None:
            statement = keyset.after(statement, request.cursor)
        statement = keyset.order(statement.add_columns(keyset.by, keyset.row_id))
        rows = [
            tuple(row) for row in await self.session.execute(statement.limit(request.limit + 1))
        ]
        cursor = None
        if len(rows) > request.limit:
            rows = rows[: request.limit]
            cursor = encode_cursor(rows[-1][-2:])
        return Page([make(*row[:-2]) for row in rows], cursor, total)

    async def _total(self, statement: Select[*tuple[Any, ...]]) -> int:
        counted = statement.order_by(None).subquery()
        return await self.session.scalar(select(func.count()).select_from(counted)) or 0


def contains(
    column: ColumnElement[Any] | InstrumentedAttribute[Any], text: str
) -> ColumnElement[bool]:
    """Match `text` anywhere in `column` in any case; % and _ are no wildcards."""
    return column.icontains(text, autoescape=True)
