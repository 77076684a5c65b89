"""The base of all repositories. They flush; only the unit of work commits."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from sqlalchemy import (
    ColumnElement,
    Date,
    Select,
    String,
    func,
    literal,
    literal_column,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.database import Base
from app.core.pagination import Page, PageRequest, decode_cursor, encode_cursor

M = TypeVar("M", bound=Base)
T = TypeVar("T")


Value: TypeAlias = ColumnElement[Any] | InstrumentedAttribute[Any]
DOWN = "-"


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a list: by a value that is never null, then by id, so that it is total."""

    name: str
    by: Value
    row_id: InstrumentedAttribute[uuid.UUID]

    @property
    def _descending(self) -> bool:
        return self.name.startswith(DOWN)

    def of(self, statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        if self._descending:
            return statement.order_by(self.by.desc(), self.row_id.desc())
        return statement.order_by(self.by, self.row_id)

    def after(self, statement: Select[*tuple[Any, ...]], cursor: str) -> Select[*tuple[Any, ...]]:
        kinds = (self.by.type.python_type, uuid.UUID)
        value, row_id = decode_cursor(cursor, kinds, order=self.name)
        last = tuple_(literal(value, self.by.type), literal(row_id, self.row_id.type))
        here = tuple_(self.by, self.row_id)
        return statement.where(here < last if self._descending else here > last)


class Orders:
    """What a list may be sorted by, the usual order first: `name` goes up, `-name` goes down.

    No value may be null, because the rows of a page are compared with the last one of the page
    before: `filled` makes one of a column that may be. An index has to give the rows in the order
    of each value, which tests/repositories/test_orders.py asks the planner about.
    """

    def __init__(
        self, usual: str, row_id: InstrumentedAttribute[uuid.UUID], **values: Value
    ) -> None:
        names = [name for value in values for name in (value, DOWN + value)]
        self._by_name = {
            name: Order(name, values[name.removeprefix(DOWN)], row_id)
            for name in sorted(names, key=lambda name: name != usual)
        }

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def named(self, sort: str | None) -> Order:
        return self._by_name[sort or self.names[0]]


def caseless(column: Value) -> Value:
    """Sort texts whatever their case."""
    return func.lower(column, type_=String())


def filled(column: InstrumentedAttribute[Any], bound: Literal["-infinity", "infinity"]) -> Value:
    """Let rows without a value come before or after all others, as an index can hold them."""
    kind = "date" if isinstance(column.type, Date) else "timestamp with time zone"
    # A parameter would not do: the planner compares the expression with that of the index.
    return func.coalesce(column, literal_column(f"'{bound}'::{kind}"))


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

    async def page(self, statement: Select[M], request: PageRequest, orders: Orders) -> Page[M]:
        """Read one page of the rows of one model."""
        return await self.page_of(lambda row: row, statement, request, orders)

    async def page_of(
        self,
        make: Callable[..., T],
        statement: Select[*tuple[Any, ...]],
        request: PageRequest,
        orders: Orders,
    ) -> Page[T]:
        """Read one page; `make` gets the columns of each row."""
        total = await self._total(statement) if request.include_total else None
        order = orders.named(request.sort)
        if request.cursor is not None:
            statement = order.after(statement, request.cursor)
        statement = order.of(statement.add_columns(order.by, order.row_id))
        rows = [
            tuple(row) for row in await self.session.execute(statement.limit(request.limit + 1))
        ]
        cursor = None
        if len(rows) > request.limit:
            rows = rows[: request.limit]
            cursor = encode_cursor(rows[-1][-2:], order=order.name)
        return Page([make(*row[:-2]) for row in rows], cursor, total)

    async def _total(self, statement: Select[*tuple[Any, ...]]) -> int:
        counted = statement.order_by(None).subquery()
        return await self.session.scalar(select(func.count()).select_from(counted)) or 0


def any_of(column: Value, values: Collection[Any]) -> list[ColumnElement[bool]]:
    """Match rows with any of the values of a filter; without values, all rows."""
    return [column.in_(values)] if values else []


def any_truth(
    condition: ColumnElement[bool], values: Collection[bool]
) -> list[ColumnElement[bool]]:
    """Match rows for which a condition, never null, has any of the values of a filter."""
    wanted = set(values)
    if len(wanted) != 1:
        return []
    return [condition if True in wanted else ~condition]


def contains(column: Value, text: str) -> ColumnElement[bool]:
    """Match `text` anywhere in `column` in any case; % and _ are no wildcards."""
    return column.icontains(text, autoescape=True)
